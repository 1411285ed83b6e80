"""Who may talk: datagrams that are RTP and come from the row's peer; the rest is counted, dropped.

The peer is where its description says.  The setting ``media.accept_rtp_from`` says what else is:

    sdp    nothing
    latch  where the peer is found to be (it is behind NAT): that is learnt at times only
    any    the same; and RTP is heard from anywhere, though what we say goes to the peer alone

*Learning.*  Somebody is taken for the peer who sent ``PATIENCE`` packets of one SSRC and of agreed
payload types in a row, and not all at once:

* In the first seconds after the stream was aimed (again, so that both are to talk), while the peer
  is not heard.  Whoever is heard first is the peer from then on.
* When the peer was silent for ``SILENT``, though it should talk.  Then only who is known can be it:
  by its SSRC, by its host, or as who was described.  No stranger can take over a running call (RTP
  bleed), also not one that is held.

A stream that was never aimed hears nobody and answers nobody.  What was not authenticated never
comes here (SRTP), so it teaches nothing.

RTCP that comes with RTP (RFC 5761) is told by its payload type and goes to ``reports_heard``.
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.masks import every, places, some
from mediaworker.media import Media, Report, Wave
from mediaworker.rtp.header import Headers, parse
from mediaworker.streams import PayloadKind, Rows, slot_of

WINDOW: Final = 2000
"""Ticks from aiming in which the address may be learnt, 10 s."""
PATIENCE: Final = 4
"""Packets, of which the last is heard."""
SPAN: Final = range(10, 500)
"""Ticks that they take: our peer may be about to speak, and nobody takes long for so few."""
LONGER: Final = 200
"""Ticks that they take at least if somebody else was heard before, 1 s."""
SILENT: Final = 600
"""Ticks of silence, 3 s, after which the peer may be elsewhere."""
ONE: Final = np.array(1, np.uint64)

WRITES: Final = frozenset(
    {
        "peer",
        "rtcp_peer",
        "latched",
        "stranger",
        "stranger_ssrc",
        "stranger_since",
        "stranger_packets",
        "public.packets_strange",
    }
)


def admit(media: Media, wave: Wave) -> None:
    """Find which datagrams go on."""
    streams, rows = media.streams, wave.rows
    headers = parse(streams, rows, wave.slot, wave.lengths)
    same, good = streams.peer[rows] == wave.sources, headers.valid
    if not every(same):
        good = good & np.logical_and.reduce(same, axis=1)
    if not every(streams.latched[rows]):
        streams.latched[rows[good]] = True
    if every(good):
        wave.admitted = rows, headers
        return
    good = _look_closely(media, wave, headers, good)
    wave.admitted = rows[good], headers.only(good)


def _look_closely(
    media: Media, wave: Wave, headers: Headers, good: Column[np.bool_]
) -> Column[np.bool_]:
    """Take out reports, and let strangers show that they are peers; count those that are not."""
    rows, good = wave.rows, good.copy()
    reports = _take_reports(media, wave, headers)
    strange = headers.valid & ~good
    if media.accepts != "sdp" and some(strange):
        for index in places(strange & _may_learn(media, rows)).tolist():
            good[index] = _meet(media, wave, headers, index)
    if media.accepts == "any":
        good |= headers.valid & media.streams.aimed[rows]
    media.public.packets_strange[rows[~(good | reports)]] += ONE
    return good


def _take_reports(media: Media, wave: Wave, headers: Headers) -> Column[np.bool_]:
    """Hand over the RTCP that came with RTP, from its peer; return where it is."""
    streams, rows = media.streams, wave.rows
    reports = headers.are_rtcp() & streams.rtcp_mux[rows]
    if some(reports):
        reports &= np.logical_and.reduce(streams.rtcp_peer[rows] == wave.sources, axis=1)
    for index in places(reports).tolist():
        slot = slot_of(wave.slot, index)
        datagram = streams.datagrams[rows[index], slot, : wave.lengths[index]].tobytes()
        high, low, port = wave.sources[index].tolist()
        media.reports_heard.append(Report(int(rows[index]), datagram, (high, low, port)))
    return reports


def _may_learn(media: Media, rows: Rows) -> Column[np.bool_]:
    """Return in which rows the peer may be elsewhere."""
    streams = media.streams
    early: Column[np.bool_] = media.tick - streams.aimed_at[rows] < WINDOW
    silent = media.tick - np.maximum(streams.heard_at[rows], streams.aimed_at[rows]) >= SILENT
    return streams.aimed[rows] & np.where(streams.latched[rows], silent, early)


def _meet(media: Media, wave: Wave, headers: Headers, index: int) -> bool:
    """Whether the sender of a packet is now taken for the peer."""
    streams, row = media.streams, int(wave.rows[index])
    source, ssrc = wave.sources[index].tolist(), int(headers.ssrcs[index])
    if streams.payload_kinds[row, headers.payload_types[index]] == PayloadKind.UNKNOWN:
        return False
    known = _is_known(media, row, source, ssrc)
    if streams.latched[row] and not known:
        return False
    least = SPAN.start if known or not streams.heard_any[row] else LONGER
    return _learn(media, row, source, ssrc, least)


def _is_known(media: Media, row: int, source: list[int], ssrc: int) -> bool:
    """Whether somebody may be the peer that was heard before."""
    streams = media.streams
    same_host = streams.peer[row, :2].tolist() == source[:2]
    described = streams.offered_peer[row].tolist() == source
    return same_host or described or ssrc == int(streams.remote_ssrc[row])


def _learn(media: Media, row: int, source: list[int], ssrc: int, least: int) -> bool:
    """Note a packet from somewhere else; True once its sender is taken for the peer."""
    streams = media.streams
    age = media.tick - int(streams.stranger_since[row])
    same = streams.stranger[row].tolist() == source and streams.stranger_ssrc[row] == ssrc
    count = int(streams.stranger_packets[row]) + 1 if same and age < SPAN.stop else 1
    if count == 1:
        streams.stranger[row], streams.stranger_ssrc[row] = source, ssrc
        streams.stranger_since[row] = media.tick
    streams.stranger_packets[row] = min(count, PATIENCE)
    if count < PATIENCE or age < least:
        return False
    high, low, port = source
    streams.peer[row] = source
    streams.rtcp_peer[row] = high, low, port + (not streams.rtcp_mux[row])
    streams.latched[row], streams.stranger_packets[row] = True, 0
    media.moved.append(row)
    return True
