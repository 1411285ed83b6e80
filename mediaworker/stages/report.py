"""RTCP: our reports every five seconds or so, and what the peer's reports say.

A report says what was sent (SR) or only what was received (RR), who we are (SDES), and in an
extended report (XR, RFC 3611) how well the peer is heard.  Who sends nothing measures the round
trip by its reference time.

Reports are rare, so this stage works row by row.
"""

from typing import Final

import numpy as np

from mediaworker.masks import some
from mediaworker.media import Batch, Media, Report
from mediaworker.rtp.rtcp import (
    Block,
    SenderInfo,
    extended,
    goodbye,
    middle,
    ntp_time,
    parse,
    report,
)
from mediaworker.rtp.rtcp_xr import ADAPTIVE, ENHANCED, UNKNOWN, Answer, Extended, VoipMetrics
from mediaworker.streams import MILLISECOND, REACH, TICK_NS, Streams

INTERVAL: Final = 1000
"""Ticks between reports on the average (RFC 3550 section 6.2); from half to one and a half."""
FIRST: Final = 500
LONGEST_TRIP: Final = 60.0
"""Seconds; a round trip that long is a peer's mistake."""
LONGEST_BUFFER_MS: Final = REACH // MILLISECOND
SCORES: Final = range(10, 51)
"""Opinion scores, times ten; others are mistakes, or ``UNKNOWN``."""
NOTHING: Final = Extended()

WRITES: Final = frozenset(
    {
        "report_due",
        "reported_expected",
        "reported_received",
        "report_count",
        "remote_report",
        "remote_report_at",
        "remote_reference",
        "remote_reference_at",
        "report_heard_at",
        "goodbye_ssrc",
        "public.remote_lost",
        "public.remote_loss_percent",
        "public.remote_jitter_ms",
        "public.remote_mos",
        "public.round_trip_ms",
    }
)


def hear_reports(media: Media) -> None:
    """Read the RTCP that came: only from the host that RTP comes from."""
    for heard in media.reports_heard:
        if media.streams.peer[heard.row, :2].tolist() == list(heard.source[:2]):
            _hear(media, heard.row, heard.datagram)


def send_reports(media: Media, batch: Batch) -> None:
    """Write the reports that are due into ``media.reports_due``."""
    streams, rows = media.streams, batch.rows
    late = streams.report_due[rows] <= media.tick
    if not some(late):
        return
    for row in rows[late].tolist():
        streams.report_due[row] = media.tick + _interval(streams, row)
        streams.report_count[row] += np.uint32(1)
        if streams.aimed[row]:
            media.reports_due.append(Report(row, compose(media, row)))


def compose(media: Media, row: int) -> bytes:
    """Return a report of what was sent and received, and note what it says."""
    streams = media.streams
    blocks = (_block(media, row),) if streams.heard_any[row] else ()
    sender = _sender(media, row) if streams.sends[row] else None
    ssrc = int(streams.ssrc[row])
    compound = report(ssrc, _cname(streams, row), sender, blocks)
    more = _extended(media, row)
    return compound if more == NOTHING else compound + extended(ssrc, more)


def farewell(media: Media, row: int) -> bytes:
    """Return the last report of a row, with BYE (RFC 3550 section 6.6)."""
    return compose(media, row) + goodbye(int(media.streams.ssrc[row]))


def _interval(streams: Streams, row: int) -> int:
    """Return ticks until the next report; varied so that reports never fall into step."""
    if streams.report_count[row] == 0:
        return FIRST + int(streams.entropy[row]) % FIRST
    mixed = (int(streams.entropy[row]) + int(streams.report_count[row])) * 2654435761
    return INTERVAL // 2 + (mixed >> 8) % INTERVAL


def _cname(streams: Streams, row: int) -> str:
    """Return a name for this stream alone (RFC 7022 section 4.2)."""
    return f"{int(streams.ssrc[row]):08x}{int(streams.entropy[row]):08x}@offhook"


def _sender(media: Media, row: int) -> SenderInfo:
    streams = media.streams
    time = int(streams.progress[row]) >> 32
    return SenderInfo(
        ntp_time(media.wall_ns),
        (int(streams.timestamp_base[row]) + time * int(streams.units[row])) & 0xFFFF_FFFF,
        int(streams.progress[row]) & 0xFFFF_FFFF,
        int(streams.octets_sent[row]) & 0xFFFF_FFFF,
    )


def _block(media: Media, row: int) -> Block:
    streams = media.streams
    highest = int(streams.sequence_highest[row])
    expected = highest - int(streams.sequence_first[row]) + 1
    received = int(streams.sequence_received[row])
    delay = 0
    if streams.remote_report[row]:
        delay = _since(media, int(streams.remote_report_at[row]))
    fraction = _fraction_lost(streams, row, expected, received)
    jitter, last = int(streams.jitter[row]), int(streams.remote_report[row])
    ssrc = int(streams.remote_ssrc[row])
    return Block(ssrc, fraction, expected - received, highest, jitter, last, delay)


def _extended(media: Media, row: int) -> Extended:
    """Return what there is to say beyond RFC 3550."""
    streams = media.streams
    reference = 0 if streams.sends[row] else ntp_time(media.wall_ns)
    answers: tuple[Answer, ...] = ()
    if streams.remote_reference[row]:
        delay = _since(media, int(streams.remote_reference_at[row]))
        ssrc = int(streams.remote_ssrc[row])
        answers = (Answer(ssrc, int(streams.remote_reference[row]), delay),)
    metrics = (_metrics(media, row),) if streams.heard_any[row] else ()
    return Extended(reference, answers, metrics)


def _metrics(media: Media, row: int) -> VoipMetrics:
    """Return how the peer is heard, since it is (RFC 3611 section 4.7)."""
    streams, public = media.streams, media.public
    lost, late = int(public.packets_lost[row]), int(public.packets_late[row])
    expected = int(public.packets_received[row]) + lost
    buffer = float(public.buffer_ms[row])
    score, with_delay = float(public.mos[row]), float(public.mos_conversational[row])
    return VoipMetrics(
        ssrc=int(streams.remote_ssrc[row]),
        loss_rate=_of_256(lost / expected),
        discard_rate=_of_256(late / expected),
        burst_density=_of_256(float(public.burst_density[row])),
        gap_density=_of_256(float(public.gap_density[row])),
        burst_ms=_short(float(public.burst_ms[row])),
        gap_ms=_short(float(public.gap_ms[row])),
        round_trip_ms=_short(float(public.round_trip_ms[row])),
        end_system_ms=_short(buffer + int(streams.period[row]) * TICK_NS / 1e6),
        r_factor=round(float(streams.rating[row])) if score else UNKNOWN,
        mos_lq=round(score * 10) if score else UNKNOWN,
        mos_cq=round(with_delay * 10) if score else UNKNOWN,
        receiver=ENHANCED | ADAPTIVE,
        nominal_ms=_short(buffer),
        maximum_ms=LONGEST_BUFFER_MS,
        absolute_maximum_ms=LONGEST_BUFFER_MS,
    )


def _of_256(share: float) -> int:
    return min(255, int(share * 256))


def _short(milliseconds: float) -> int:
    return min(0xFFFF, round(milliseconds))


def _since(media: Media, at_ns: int) -> int:
    """Return the time since an instant in 1/65536 s."""
    return (media.now_ns - at_ns) * 65536 // 1_000_000_000


def _fraction_lost(streams: Streams, row: int, expected: int, received: int) -> int:
    """Return the loss since the last report, of 256 (RFC 3550 A.3)."""
    new = expected - int(streams.reported_expected[row])
    lost = new - (received - int(streams.reported_received[row]))
    streams.reported_expected[row], streams.reported_received[row] = expected, received
    return min(255, (lost << 8) // new) if new > 0 and lost > 0 else 0


def _hear(media: Media, row: int, datagram: bytes) -> None:
    streams, compound = media.streams, parse(datagram)
    if compound is None:
        return
    streams.report_heard_at[row] = media.tick
    if compound.sender is not None:
        streams.remote_report[row] = middle(compound.sender.ntp)
        streams.remote_report_at[row] = media.now_ns
    for block in compound.blocks:
        if block.ssrc == streams.ssrc[row]:
            _note(media, row, block)
    for ssrc in compound.goodbyes:
        streams.goodbye_ssrc[row] = ssrc
    _hear_extended(media, row, compound.extended)


def _note(media: Media, row: int, block: Block) -> None:
    """Keep what the peer says of our packets."""
    public = media.public
    public.remote_lost[row] = max(0, block.lost)
    public.remote_loss_percent[row] = block.fraction_lost * 100 / 256
    media.coders.expect_loss(row, round(block.fraction_lost * 100 / 256))
    units = max(1, int(media.streams.units[row]))
    public.remote_jitter_ms[row] = block.jitter * TICK_NS / 1e6 / units
    _note_trip(media, row, block.last_report, block.delay)


def _hear_extended(media: Media, row: int, heard: Extended) -> None:
    streams, public = media.streams, media.public
    if heard.reference:
        streams.remote_reference[row] = middle(heard.reference)
        streams.remote_reference_at[row] = media.now_ns
    for answer in heard.answers:
        if answer.ssrc == streams.ssrc[row]:
            _note_trip(media, row, answer.last_reference, answer.delay)
    for metrics in heard.metrics:
        if metrics.ssrc == streams.ssrc[row] and metrics.mos_lq in SCORES:
            public.remote_mos[row] = metrics.mos_lq / 10


def _note_trip(media: Media, row: int, sent_at: int, delay: int) -> None:
    """Note how long something of ours and its answer were under way; 0 in ``sent_at``: nothing."""
    if sent_at:
        units = middle(ntp_time(media.wall_ns)) - sent_at - delay
        seconds = (units & 0xFFFF_FFFF) / 65536
        if seconds < LONGEST_TRIP:
            media.public.round_trip_ms[row] = seconds * 1000
