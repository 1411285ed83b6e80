"""SRTP of what arrived, before anything is learnt from it: what is not authentic is dropped.

Packets are decrypted where they lie and lose their tags, so the next stages see plain RTP.  Each
SSRC of a peer has an index and a window of 64 packets (RFC 3711 3.3.1, 3.3.2) of its own; what came
before, or is older than that, is refused.  What is no RTP (RFC 5761 4) goes on as it is.
"""

from typing import Final, NamedTuple

import numpy as np

from bus.columns import Column
from mediaworker.masks import each_kind, every, places, some
from mediaworker.media import Media, Report, Wave
from mediaworker.rtp.header import FIRST_RTCP, RTCP, TYPE_MASK, TYPE_SHIFT, USUAL, VERSION
from mediaworker.rtp.srtp import PROFILES, Profile, Suite, open_report
from mediaworker.rtp.srtp_packets import open_block
from mediaworker.streams import DATAGRAM, HEADER, SOURCES, Rows, Slot, Streams, slot_of

TWO: Final = np.array(2 << 30, np.uint32)
WINDOW: Final = 64
ROLL_OVER: Final = 1 << 16
ONE: Final = np.array(1, np.uint64)
LAST: Final = np.array(WINDOW - 1)
ALL: Final = (1 << WINDOW) - 1
NEVER: Final = np.array(0)
PADDING: Final = np.array(1 << 29, np.uint32)

WRITES: Final = frozenset(
    {
        "datagrams",
        "source_place",
        "sources_known",
        "source_ssrcs",
        "source_indexes",
        "source_windows",
        "source_report_indexes",
        "source_report_windows",
        "public.packets_unauthentic",
        "public.packets_replayed",
    }
)


class Located(NamedTuple):
    """What is known of the sources of packets, and their indexes."""

    where: Column[np.intp]
    """In the columns of sources."""
    after: Column[np.int64]
    """One above the highest index before; 0: this is the first packet."""
    windows: Column[np.uint64]
    indexes: Column[np.int64]

    def only(self, which: Column[np.bool_]) -> "Located":
        """Return some of them."""
        where, after, windows, indexes = self
        return Located(where[which], after[which], windows[which], indexes[which])


def unprotect(media: Media, wave: Wave) -> None:
    """Decrypt the packets of rows that have keys; drop those that are not authentic."""
    if not media.protected:
        return
    suites = media.streams.suite[wave.rows]
    if not some(suites != Suite.NONE):
        return
    wave.lengths = wave.lengths.astype(np.int64)
    good = np.ones(len(wave.rows), np.bool_)
    for suite, where in each_kind(suites):
        if suite != Suite.NONE:
            which = np.arange(len(suites)) if where is None else places(where)
            _open(media, PROFILES[Suite(suite)], wave, which, good)
    if not every(good):
        wave.keep(good)


def unprotect_reports(media: Media) -> None:
    """Decrypt the reports of rows that have keys; drop those that are not authentic."""
    if media.protected and media.reports_heard:
        media.reports_heard = [
            plain for heard in media.reports_heard if (plain := _open_report(media, heard))
        ]


# -------------------------------------------------------------------------------------- packets


def _open(
    media: Media, profile: Profile, wave: Wave, which: Column[np.intp], good: Column[np.bool_]
) -> None:
    """Open the packets at ``which`` of a wave; leaves True in ``good`` for what may go on."""
    streams, public = media.streams, media.public
    rows, slot, lengths = wave.rows[which], slot_of(wave.slot, which), wave.lengths[which]
    words = streams.datagrams[rows, slot, :HEADER].view(">u4").astype(np.uint32)
    first, ssrcs = words[:, 0], words[:, 2]
    rtp = (first & VERSION == TWO) & ((first >> TYPE_SHIFT & TYPE_MASK) - FIRST_RTCP >= RTCP)
    rtp &= lengths >= HEADER
    begins = _begins(streams, rows, slot, first)
    fits = (lengths >= begins + profile.tag) & (lengths < DATAGRAM)
    located = _locate(streams, rows, first.astype(np.uint16), ssrcs)
    fresh = _fresh(located)
    ready = rtp & fits & fresh
    if every(ready):
        authentic = _decrypt(media, profile, rows, slot, lengths, ssrcs, located.indexes, begins)
    else:
        authentic, tried = np.zeros(len(rows), np.bool_), places(ready)
        if len(tried):
            parts = (lengths[tried], ssrcs[tried], located.indexes[tried], begins[tried])
            opened = _decrypt(media, profile, rows[tried], slot_of(slot, tried), *parts)
            authentic[tried] = opened
    wave.lengths[which] -= authentic * profile.tag
    if every(authentic):
        _note(streams, rows, ssrcs, located)
        return
    _note(streams, rows[authentic], ssrcs[authentic], located.only(authentic))
    refused, again = rtp & ~authentic, fits & ~fresh
    good[which[refused]] = False
    public.packets_replayed[rows[refused & again]] += ONE
    public.packets_unauthentic[rows[refused & ~again]] += ONE


def _decrypt(
    media: Media,
    profile: Profile,
    rows: Rows,
    slot: Slot,
    lengths: Column[np.int64],
    ssrcs: Column[np.uint32],
    indexes: Column[np.int64],
    begins: Column[np.int64],
) -> Column[np.bool_]:
    """Decrypt packets where they lie; return which are authentic."""
    streams, width = media.streams, int(lengths.max())
    block = streams.datagrams[rows, slot, :width]
    authentic = open_block(
        profile,
        [media.protected[row].into.packets for row in rows.tolist()],
        streams.salt_in[rows],
        ssrcs.astype(np.uint64),
        indexes.view(np.uint64),
        block,
        lengths,
        begins,
    )
    streams.datagrams[rows, slot, :width] = block
    return authentic


def _fresh(located: Located) -> Column[np.bool_]:
    """Whether packets were not received before, as far as the window can tell."""
    ages = located.after - 1 - located.indexes
    fresh: Column[np.bool_] = ages < 0
    if not every(fresh):
        bits = located.windows >> np.minimum(np.maximum(ages, 0), LAST).astype(np.uint64) & ONE
        fresh |= (ages < WINDOW) & (bits == 0)
    return fresh


def _begins(streams: Streams, rows: Rows, slot: Slot, first: Column[np.uint32]) -> Column[np.int64]:
    """Return where payloads begin; padding is within what is encrypted."""
    begins = np.full(len(rows), HEADER)
    unusual = first & (USUAL & ~PADDING) != TWO
    if some(unusual):
        for at in places(unusual).tolist():
            datagram = streams.datagrams[rows[at], slot_of(slot, at)]
            begin = HEADER + 4 * (int(datagram[0]) & 15)
            if datagram[0] & 0x10:
                begin += 4 + 4 * int.from_bytes(datagram[begin + 2 : begin + 4].tobytes())
            begins[at] = begin
    return begins


def _locate(
    streams: Streams, rows: Rows, sequences: Column[np.uint16], ssrcs: Column[np.uint32]
) -> Located:
    """Look sources up and estimate the indexes of packets (RFC 3711 3.3.1)."""
    where = streams.source_place[rows].astype(np.intp)
    after, windows = streams.source_indexes[rows, where], streams.source_windows[rows, where]
    other = (streams.source_ssrcs[rows, where] != ssrcs) | (after == NEVER)
    for at in places(other).tolist():
        row = int(rows[at])
        where[at], known = _place(streams, row, int(ssrcs[at]))
        after[at] = streams.source_indexes[row, where[at]] if known else 0
        windows[at] = streams.source_windows[row, where[at]] if known else 0
    steps = (sequences - (after - 1).astype(np.uint16)).view(np.int16)
    indexes = np.where(after == NEVER, sequences, after - 1 + steps)
    indexes += (indexes < 0) * ROLL_OVER
    return Located(where, after, windows, indexes)


def _place(streams: Streams, row: int, ssrc: int) -> tuple[int, bool]:
    """Return where a source is and True, or where it would be and False."""
    count, ssrcs = int(streams.sources_known[row]), streams.source_ssrcs[row].tolist()
    if ssrc in ssrcs[: min(count, SOURCES)]:
        return ssrcs.index(ssrc), True
    return count % SOURCES, False


def _note(streams: Streams, rows: Rows, ssrcs: Column[np.uint32], located: Located) -> None:
    """Keep what was received, and that it was."""
    where, after, windows, indexes = located
    for at in places(after == NEVER).tolist():
        _claim(streams, int(rows[at]), int(ssrcs[at]))
    if every(indexes == after):  # in order
        windows = windows << ONE | ONE
    else:
        steps = indexes - (after - 1)
        windows = windows << np.minimum(np.maximum(steps, 0), LAST).astype(np.uint64)
        windows[steps >= WINDOW] = 0
        windows |= ONE << np.maximum(-steps, 0).astype(np.uint64)
    streams.source_place[rows] = where
    streams.source_windows[rows, where] = windows
    streams.source_indexes[rows, where] = np.maximum(after, indexes + 1)


def _claim(streams: Streams, row: int, ssrc: int) -> int:
    """Return the place of a source, its own from now on."""
    place, known = _place(streams, row, ssrc)
    if not known:
        streams.sources_known[row] += np.uint32(1)
        streams.source_ssrcs[row, place] = ssrc
        streams.source_indexes[row, place] = streams.source_windows[row, place] = 0
        streams.source_report_indexes[row, place] = streams.source_report_windows[row, place] = 0
    return place


# -------------------------------------------------------------------------------------- reports


def _open_report(media: Media, heard: Report) -> Report | None:
    keys = media.protected.get(heard.row)
    if keys is None:
        return heard
    opened = open_report(PROFILES[keys.suite], keys.into.reports, heard.datagram)
    if opened is None:
        media.public.packets_unauthentic[heard.row] += ONE
        return None
    index, plain = opened
    if not _note_report(media.streams, heard.row, int.from_bytes(plain[4:8]), index):
        media.public.packets_replayed[heard.row] += ONE
        return None
    return heard._replace(datagram=plain)


def _note_report(streams: Streams, row: int, ssrc: int, index: int) -> bool:
    """Keep that a report was received; False if it was before, or may have been."""
    place = _claim(streams, row, ssrc)
    highest = int(streams.source_report_indexes[row, place]) - 1
    window = int(streams.source_report_windows[row, place])
    age = highest - index
    if age >= WINDOW or (age >= 0 and window >> age & 1):
        return False
    if age < 0:
        window, age = window << min(-age, WINDOW), 0
        streams.source_report_indexes[row, place] = index + 1
    streams.source_report_windows[row, place] = (window | 1 << age) & ALL
    return True
