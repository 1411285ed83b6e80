"""What arrived: sources, sequence numbers, losses and jitter (RFC 3550 appendices A.1, A.3, A.8).

A packet is in line if it has the SSRC of those before it and a sequence number near theirs.  One
out of line (the peer was restarted, or jumped) is dropped until a second follows it, and then its
source is the new one.  The very first is believed at once.
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.media import Media, Packets, Wave
from mediaworker.streams import PayloadKind, Rows, Streams

DROPOUT: Final = 3000
"""Packets missing in a row, after which it is a jump."""
MISORDER: Final = 64
"""Packets that one can come too late; more is a jump.  As many bits as ``sequence_seen``."""
SILENT: Final = 8000
"""Samples: a greater difference in transit time is a pause of the peer, not jitter."""

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
        "public.packets_received",
        "public.packets_lost",
        "public.jitter_ms",
    }
)


def receive(media: Media, wave: Wave) -> None:
    """Count the admitted packets and sort them into ``audio`` and ``events`` of the wave."""
    streams, headers, chosen = media.streams, wave.headers, wave.admitted
    if headers is None or chosen is None or not len(chosen):
        return
    rows, sequences = wave.rows[chosen], headers.sequences[chosen]
    in_line = _in_line(media, rows, sequences, headers.ssrcs[chosen])
    if not in_line.all():
        chosen, rows, sequences = chosen[in_line], rows[in_line], sequences[in_line]
    steps = signed16(sequences - streams.sequence_highest[rows])
    extended = streams.sequence_highest[rows] + steps
    doubled = _note(streams, rows, steps)
    _count(media, rows)
    kinds = streams.payload_kinds[rows, headers.payload_types[chosen]]
    packets = Packets(
        rows,
        wave.slot,
        kinds,
        extended,
        headers.timestamps[chosen],
        headers.begins[chosen],
        headers.sizes[chosen],
        steps > 0,
    )
    usable = ~doubled & (packets.sizes > 0) & (kinds != PayloadKind.UNKNOWN)
    events = usable & (kinds == PayloadKind.EVENTS)
    if events.any():
        wave.events = packets.only(events)
        usable &= ~events
    audio = packets if usable.all() else packets.only(usable)
    if len(audio.rows):
        _measure_jitter(media, audio)
        wave.audio = audio.only(streams.receives[audio.rows])


def signed16(differences: Column[np.int64]) -> Column[np.int64]:
    """Return differences of sequence numbers, the short way round."""
    short: Column[np.int64] = ((differences + 0x8000) & 0xFFFF) - 0x8000
    return short


def signed32(differences: Column[np.int64]) -> Column[np.int64]:
    """Return differences of timestamps, the short way round."""
    short: Column[np.int64] = ((differences + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
    return short


def _in_line(
    media: Media, rows: Rows, sequences: Column[np.int64], ssrcs: Column[np.int64]
) -> Column[np.bool_]:
    streams = media.streams
    steps = signed16(sequences - streams.sequence_highest[rows])
    same = streams.heard_any[rows] & (streams.remote_ssrc[rows] == ssrcs)
    in_line: Column[np.bool_] = same & (steps < DROPOUT) & (steps > -MISORDER)
    for index in np.flatnonzero(~in_line).tolist():
        row, sequence, ssrc = int(rows[index]), int(sequences[index]), int(ssrcs[index])
        in_line[index] = _begin(media, row, sequence, ssrc)
    return in_line


def _begin(media: Media, row: int, sequence: int, ssrc: int) -> bool:
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
    streams.sequence_seen[row] = streams.transit[row] = 0
    streams.sequence_received[row] = streams.sequence_doubled[row] = 0
    streams.candidate_sequence[row] = -1
    return True


def _note(streams: Streams, rows: Rows, steps: Column[np.int64]) -> Column[np.bool_]:
    """Move the window of numbers seen; return which packets were in it already."""
    forward = np.minimum(np.maximum(steps, 0), MISORDER - 1).astype(np.uint64)
    seen = streams.sequence_seen[rows] << forward
    seen[steps >= MISORDER] = 0
    bits = np.uint64(1) << np.maximum(-steps, 0).astype(np.uint64)
    doubled: Column[np.bool_] = seen & bits != 0
    streams.sequence_seen[rows] = seen | bits
    streams.sequence_highest[rows] += np.maximum(steps, 0)
    streams.sequence_received[rows] += 1
    streams.sequence_doubled[rows] += doubled
    return doubled


def _count(media: Media, rows: Rows) -> None:
    """Lost is expected less received (A.3); a duplicate replaces no lost packet here."""
    streams, public = media.streams, media.public
    expected = streams.sequence_highest[rows] - streams.sequence_first[rows] + 1
    lost = expected - streams.sequence_received[rows] + streams.sequence_doubled[rows]
    public.packets_lost[rows] = streams.lost_before[rows] + np.maximum(lost, 0)
    public.packets_received[rows] += np.uint64(1)


def _measure_jitter(media: Media, packets: Packets) -> None:
    """A.8, in samples; arrival is known to the tick only."""
    streams, rows = media.streams, packets.rows
    transits = media.now_ns // 125_000 - packets.timestamps
    differences = np.abs(signed32(transits - streams.transit[rows]))
    settled = (streams.sequence_received[rows] > 1) & (differences < SILENT)
    differences = np.where(settled, differences, 0).astype(np.float32)
    jitter = streams.jitter[rows]
    jitter += (differences - jitter) * np.float32(1 / 16)
    streams.transit[rows], streams.jitter[rows] = transits, jitter
    media.public.jitter_ms[rows] = jitter * np.float32(1 / 8)
