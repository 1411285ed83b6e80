"""What arrived: sources, sequence numbers, losses and jitter (RFC 3550 appendices A.1, A.3, A.8).

A packet is in line if it has the SSRC of those before it and a sequence number near theirs.  One
out of line (the peer was restarted, or jumped) is dropped until a second follows it, and then its
source is the new one.  The very first is believed at once.
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.masks import every, places, some
from mediaworker.media import Media, Packets, Wave
from mediaworker.rtp.header import Headers
from mediaworker.streams import PayloadKind, Rows, Streams

DROPOUT: Final = 3000
"""Packets missing in a row, after which it is a jump."""
MISORDER: Final = 64
"""Packets that one can come too late; more is a jump.  As many bits as ``sequence_seen``."""
SILENT: Final = np.array(8000, np.int32)
"""Samples: a greater difference in transit time is a pause of the peer, not jitter."""
GAIN: Final = np.array(1 / 16, np.float32)
SAMPLE_MS: Final = np.array(1 / 8, np.float32)
ONE: Final = np.array(1, np.uint64)
ONE_PACKET: Final = np.array(1)
ONE_STEP: Final = np.array(1, np.int16)
NONE: Final = np.array(0, np.int16)
NOTHING: Final = np.array(0)
NO_VOICE: Final = np.array(PayloadKind.NOISE, np.uint8)

WRITES: Final = frozenset(
    {
        "heard_any",
        "remote_ssrc",
        "sequence_first",
        "sequence_highest",
        "sequence_seen",
        "sequence_received",
        "sequence_doubled",
        "lost_before",
        "candidate_ssrc",
        "candidate_sequence",
        "transit",
        "jitter",
        "pause_heard_at",
        "public.packets_received",
        "public.packets_lost",
        "public.jitter_ms",
    }
)


def receive(media: Media, wave: Wave) -> None:
    """Count the admitted packets and sort them into ``audio`` and ``events`` of the wave."""
    if wave.admitted is None or not len(wave.admitted[0]):
        return
    streams, (rows, headers) = media.streams, wave.admitted
    steps = steps_from(headers.sequences, streams.sequence_highest[rows])
    known = streams.heard_any[rows] & (streams.remote_ssrc[rows] == headers.ssrcs)
    fresh = steps > NONE
    if every(known & (steps == ONE_STEP)):
        doubled = None
        _follow(streams, rows)
    else:
        in_line = _in_line(media, rows, headers, steps, known)
        if not every(in_line):
            rows, headers = rows[in_line], headers.only(in_line)
        steps = steps_from(headers.sequences, streams.sequence_highest[rows])
        fresh = steps > NONE
        doubled = _note(streams, rows, steps.astype(np.int64))
        _count_lost(media, rows)
    media.public.packets_received[rows] += ONE
    kinds = streams.payload_kinds[rows, headers.payload_types]
    begins, sizes = headers.begins, headers.sizes
    packets = Packets(rows, headers.slot, kinds, headers.timestamps, begins, sizes, fresh)
    _sort(media, wave, packets, doubled)


def steps_from(sequences: Column[np.uint16], highest: Column[np.int64]) -> Column[np.int16]:
    """Return how far sequence numbers are from the highest before them, the short way round."""
    return (sequences - highest.astype(np.uint16)).view(np.int16)


def _sort(media: Media, wave: Wave, packets: Packets, doubled: Column[np.bool_] | None) -> None:
    """Tell audio from events, and leave out what cannot be used."""
    audio = packets.kinds < NO_VOICE
    if doubled is not None or not every(audio) or not every(packets.sizes != NOTHING):
        usable = packets.sizes > 0 if doubled is None else (packets.sizes > 0) & ~doubled
        media.streams.pause_heard_at[packets.rows[~audio]] = media.tick
        audio |= packets.kinds == PayloadKind.NOISE
        events = usable & (packets.kinds == PayloadKind.EVENTS)
        if some(events):
            wave.events = packets.only(events)
        packets = packets.only(usable & audio)
    if len(packets.rows):
        _measure_jitter(media, packets)
        wanted = media.streams.receives[packets.rows]
        wave.audio = packets if every(wanted) else packets.only(wanted)


def _in_line(
    media: Media,
    rows: Rows,
    headers: Headers,
    steps: Column[np.int16],
    known: Column[np.bool_],
) -> Column[np.bool_]:
    in_line: Column[np.bool_] = known & (steps < DROPOUT) & (steps > -MISORDER)
    for index in places(~in_line).tolist():
        row, ssrc = int(rows[index]), int(headers.ssrcs[index])
        sequence, timestamp = int(headers.sequences[index]), int(headers.timestamps[index])
        in_line[index] = _begin(media, row, sequence, ssrc, timestamp)
    return in_line


def _begin(media: Media, row: int, sequence: int, ssrc: int, timestamp: int) -> bool:
    """Take a packet out of line for the first of a new source, if it is time to believe it."""
    streams = media.streams
    candidate = int(streams.candidate_ssrc[row]), int(streams.candidate_sequence[row])
    if streams.heard_any[row] and candidate != (ssrc, sequence):
        streams.candidate_ssrc[row] = ssrc
        streams.candidate_sequence[row] = (sequence + 1) & 0xFFFF
        return False
    streams.lost_before[row] = media.public.packets_lost[row]
    streams.heard_any[row], streams.remote_ssrc[row] = True, ssrc
    streams.sequence_first[row], streams.sequence_highest[row] = sequence, sequence - 1
    streams.sequence_seen[row] = 0
    streams.transit[row] = (_arrival(media) - timestamp) & 0xFFFF_FFFF
    streams.sequence_received[row] = streams.sequence_doubled[row] = 0
    streams.candidate_sequence[row] = -1
    return True


def _follow(streams: Streams, rows: Rows) -> None:
    """Note packets that are the next of their rows: what ``_note`` does, but cheaper."""
    streams.sequence_highest[rows] += ONE_PACKET
    streams.sequence_received[rows] += ONE_PACKET
    streams.sequence_seen[rows] = (streams.sequence_seen[rows] << ONE) | ONE


def _note(streams: Streams, rows: Rows, steps: Column[np.int64]) -> Column[np.bool_]:
    """Move the window of numbers seen; return which packets were in it already."""
    forward = np.minimum(np.maximum(steps, 0), MISORDER - 1).astype(np.uint64)
    seen = streams.sequence_seen[rows] << forward
    seen[steps >= MISORDER] = 0
    bits = ONE << np.maximum(-steps, 0).astype(np.uint64)
    doubled: Column[np.bool_] = seen & bits != 0
    streams.sequence_seen[rows] = seen | bits
    streams.sequence_highest[rows] += np.maximum(steps, 0)
    streams.sequence_received[rows] += ONE_PACKET
    streams.sequence_doubled[rows] += doubled
    return doubled


def _count_lost(media: Media, rows: Rows) -> None:
    """Lost is expected less received (A.3); a duplicate replaces no lost packet here."""
    streams = media.streams
    expected = streams.sequence_highest[rows] - streams.sequence_first[rows] + 1
    lost = expected - streams.sequence_received[rows] + streams.sequence_doubled[rows]
    media.public.packets_lost[rows] = streams.lost_before[rows] + np.maximum(lost, 0)


def _arrival(media: Media) -> int:
    """Return the time of arrival in samples; it is known to the tick only."""
    return media.now_ns // 125_000


def _measure_jitter(media: Media, packets: Packets) -> None:
    """A.8, in samples."""
    streams, rows = media.streams, packets.rows
    transits = np.array(_arrival(media) & 0xFFFF_FFFF, np.uint32) - packets.timestamps
    differences = np.abs((transits - streams.transit[rows]).view(np.int32))
    streams.transit[rows] = transits
    differences = differences * (differences < SILENT)
    jitter = streams.jitter[rows]
    jitter += (differences.astype(np.float32) - jitter) * GAIN
    streams.jitter[rows] = jitter
    media.public.jitter_ms[rows] = jitter * SAMPLE_MS
