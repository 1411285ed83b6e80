"""RTCP: our reports every five seconds or so, and what the peer's reports say.

Reports are rare, so this is the one stage that works row by row.
"""

from typing import Final

import numpy as np

from mediaworker.masks import some
from mediaworker.media import Batch, Media, Report
from mediaworker.rtp.rtcp import (
    Block,
    SenderInfo,
    goodbye,
    middle,
    ntp_time,
    parse,
    report,
)
from mediaworker.streams import Streams

INTERVAL: Final = 1000
"""Ticks between reports on the average (RFC 3550 section 6.2); from half to one and a half."""
FIRST: Final = 500
LONGEST_TRIP: Final = 60.0
"""Seconds; a round trip that long is a peer's mistake."""

WRITES: Final = frozenset(
    {
        "report_due",
        "reported_expected",
        "reported_received",
        "report_count",
        "remote_report",
        "remote_report_at",
        "public.remote_lost",
        "public.remote_jitter_ms",
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
    return report(int(streams.ssrc[row]), _cname(streams, row), sender, blocks)


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
        delay = (media.now_ns - int(streams.remote_report_at[row])) * 65536 // 1_000_000_000
    fraction = _fraction_lost(streams, row, expected, received)
    jitter, last = int(streams.jitter[row]), int(streams.remote_report[row])
    ssrc = int(streams.remote_ssrc[row])
    return Block(ssrc, fraction, expected - received, highest, jitter, last, delay)


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
    if compound.sender is not None:
        streams.remote_report[row] = middle(compound.sender.ntp)
        streams.remote_report_at[row] = media.now_ns
    for block in compound.blocks:
        if block.ssrc == streams.ssrc[row]:
            _note(media, row, block)


def _note(media: Media, row: int, block: Block) -> None:
    """Keep what the peer says of our packets."""
    public = media.public
    public.remote_lost[row] = max(0, block.lost)
    public.remote_jitter_ms[row] = block.jitter / 8
    if block.last_report:
        units = middle(ntp_time(media.wall_ns)) - block.last_report - block.delay
        seconds = (units & 0xFFFF_FFFF) / 65536
        if seconds < LONGEST_TRIP:
            public.round_trip_ms[row] = seconds * 1000
