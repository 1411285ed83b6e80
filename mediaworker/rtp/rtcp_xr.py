"""RTCP extended reports, RFC 3611: VoIP metrics (4.7), and what makes a round trip (4.4, 4.5).

Somebody who sends no RTP has no sender report to be answered: it says its time in a *reference
time*, and whoever heard that says in an *answer* which one it was and how long ago (DLRR).

Bytes in, values out; blocks of other types are passed over.
"""

import struct
from typing import Final, NamedTuple

REFERENCE_TIME: Final = 4
ANSWERS: Final = 5
VOIP_METRICS: Final = 7
UNKNOWN: Final = 127
"""Of a level, a factor or a score: not measured."""

HEAD: Final = struct.Struct(">BBH")
TIME: Final = struct.Struct(">Q")
ANSWER: Final = struct.Struct(">III")
METRICS: Final = struct.Struct(">IBBBBHHHHbbBBBBBBBBHHH")


class Answer(NamedTuple):
    """To somebody's reference time."""

    ssrc: int
    """Whose."""
    last_reference: int
    """Middle 32 bits of it."""
    delay: int
    """Since then, in 1/65536 s."""


class VoipMetrics(NamedTuple):
    """How a stream is received, since it began.  In the order of the wire."""

    ssrc: int
    loss_rate: int
    """Of 256, as are the next three."""
    discard_rate: int
    burst_density: int
    """Share of packets lost or discarded within bursts."""
    gap_density: int
    burst_ms: int
    """Mean length, as is ``gap_ms``."""
    gap_ms: int
    round_trip_ms: int = 0
    end_system_ms: int = 0
    """From our network interface to the ear, and from the mouth to it."""
    signal_level: int = UNKNOWN
    """dBm0, as is ``noise_level``."""
    noise_level: int = UNKNOWN
    echo_return_loss: int = UNKNOWN
    """dB."""
    gmin: int = 16
    """Packets received in a row, from which on it is a gap."""
    r_factor: int = UNKNOWN
    external_r_factor: int = UNKNOWN
    mos_lq: int = UNKNOWN
    """Times ten, as is ``mos_cq``."""
    mos_cq: int = UNKNOWN
    receiver: int = 0
    """Concealment and jitter buffer: ``ENHANCED | ADAPTIVE``, for example."""
    reserved: int = 0
    nominal_ms: int = 0
    """Delay of the jitter buffer."""
    maximum_ms: int = 0
    absolute_maximum_ms: int = 0


ENHANCED: Final = 3 << 6
"""Concealment of lost packets is."""
ADAPTIVE: Final = 3 << 4
"""The jitter buffer is."""


class Extended(NamedTuple):
    """What the blocks of a report say."""

    reference: int = 0
    """NTP time, 64 bits; 0: none."""
    answers: tuple[Answer, ...] = ()
    metrics: tuple[VoipMetrics, ...] = ()


def write(report: Extended) -> bytes:
    """Return the blocks."""
    blocks = b""
    if report.reference:
        blocks += _block(REFERENCE_TIME, TIME.pack(report.reference))
    if report.answers:
        blocks += _block(ANSWERS, b"".join(ANSWER.pack(*each) for each in report.answers))
    return blocks + b"".join(_block(VOIP_METRICS, METRICS.pack(*each)) for each in report.metrics)


def read(blocks: bytes, before: Extended) -> Extended:
    """Add what blocks say to what others said before."""
    at, found = 0, before
    while at + HEAD.size <= len(blocks):
        kind, _, words = HEAD.unpack_from(blocks, at)
        begin = at + HEAD.size
        at = begin + 4 * words
        if at > len(blocks):
            break
        found = _read_block(found, kind, blocks[begin:at])
    return found


def _read_block(found: Extended, kind: int, content: bytes) -> Extended:
    if kind == REFERENCE_TIME and len(content) == TIME.size:
        return found._replace(reference=TIME.unpack(content)[0])
    if kind == ANSWERS:
        whole = content[: len(content) // ANSWER.size * ANSWER.size]
        return found._replace(answers=found.answers + tuple(map(Answer._make, _each(whole))))
    if kind == VOIP_METRICS and len(content) == METRICS.size:
        return found._replace(metrics=(*found.metrics, VoipMetrics(*METRICS.unpack(content))))
    return found


def _each(whole: bytes) -> list[tuple[int, int, int]]:
    return list(ANSWER.iter_unpack(whole))


def _block(kind: int, content: bytes) -> bytes:
    return HEAD.pack(kind, 0, len(content) // 4) + content
