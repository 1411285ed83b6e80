"""Digits that we send in place of the audio: as telephone-events (RFC 4733), or as tones.

IDLE --> TONE: a packet each packet time, all of one timestamp, the duration grows
     --> END: the last duration, three times, marked as the end
     --> GAP: audio again, until the gap since the end of the tone is over --> IDLE

Tones (``route`` makes the sound) have no END, and their gap is silent.

An event begins at the timestamp that audio would have, so timestamps go on evenly for those that
look at nothing else.  Its duration is in units of its own clock.  What is longer than the field has
room for goes on in another segment, whose timestamp is that of the first and what went before.
"""

from enum import IntEnum
from typing import Final

import numpy as np

from bus.columns import Column
from bus.ids import StreamId
from bus.streams import StreamDigitsSent
from mediaworker.masks import some
from mediaworker.media import Batch, Media
from mediaworker.rtp import event
from mediaworker.rtp.event import END, VOLUME
from mediaworker.sources.resample import RATE
from mediaworker.streams import DIGITS, MILLISECOND, TICK, Rows, Streams

ENDS: Final = 3
"""Packets that say that an event is over (section 2.5.1.4)."""


LONGEST: Final = np.uint32(event.LONGEST)
FARTHEST: Final = np.uint32(1 << 21)
"""More than a digit can get ahead."""


class Phase(IntEnum):
    """Column ``digit_phase``."""

    IDLE = 0
    TONE = 1
    END = 2
    GAP = 3


IDLE: Final = np.array(Phase.IDLE, np.uint8)

WRITES: Final = frozenset(
    {
        "digit_phase",
        "digits_sent",
        "digit_elapsed",
        "digit_timestamp",
        "digit_before",
        "digit_ends",
        "digit_quiet",
        "in_event",
        "in_tone",
        "event_first",
        "event_payload",
    }
)


def send_digits(media: Media, batch: Batch) -> None:
    """Decide which of the packets due are events or tones, and what is in them."""
    streams, rows = media.streams, batch.rows
    waiting = streams.digits_sent[rows] != streams.digits_queued[rows]
    waiting |= streams.digit_phase[rows] != IDLE
    if not some(waiting):
        return
    rows = rows[waiting]
    streams.in_event[rows] = streams.in_tone[rows] = False
    rows = rows[streams.sends[rows]]
    samples = batch.ticks * TICK
    _leave_gap(media, rows, samples)
    queued = streams.digits_sent[rows] != streams.digits_queued[rows]
    _begin(media, rows[(streams.digit_phase[rows] == IDLE) & queued])
    rows = rows[streams.digit_phase[rows] != IDLE]
    tones = streams.digit_tones[rows, latest(media, rows)] | (streams.events_payload_type[rows] < 0)
    _sound(media, rows[tones], samples)
    rows = rows[~tones]
    _report(media, rows[streams.digit_phase[rows] != Phase.GAP], samples)


def latest(media: Media, rows: Rows) -> Rows:
    """Return where the digit that is being sent lies in the queue."""
    return ((media.streams.digits_sent[rows] - np.uint32(1)) % np.uint32(DIGITS)).astype(np.intp)


def _total(media: Media, rows: Rows) -> Column[np.uint32]:
    """Return the samples of the digits that are being sent."""
    milliseconds = media.streams.digit_lengths[rows, latest(media, rows)]
    total: Column[np.uint32] = milliseconds.astype(np.uint32) * MILLISECOND
    return total


def _leave_gap(media: Media, rows: Rows, samples: int) -> None:
    """Let the gap go by; a digit can begin in this packet if it is over."""
    streams = media.streams
    rows = rows[streams.digit_phase[rows] == Phase.GAP]
    gaps = streams.digit_gaps[rows, latest(media, rows)].astype(np.uint32) * MILLISECOND
    over = streams.digit_quiet[rows] >= gaps
    streams.digit_phase[rows[over]] = Phase.IDLE
    streams.digit_quiet[rows] += np.uint32(samples)


def _begin(media: Media, rows: Rows) -> None:
    streams = media.streams
    time = streams.timestamp_base[rows] + streams.media_time[rows] * streams.units[rows]
    # Segments by a clock that is faster than that of audio can have got ahead of it.
    ahead = streams.digit_timestamp[rows] + np.uint32(1) - time
    ahead[(streams.digits_sent[rows] == 0) | (ahead > FARTHEST)] = 0
    streams.digit_timestamp[rows] = time + ahead
    streams.digit_phase[rows] = Phase.TONE
    streams.digits_sent[rows] += np.uint32(1)
    streams.digit_elapsed[rows] = streams.digit_ends[rows] = streams.digit_before[rows] = 0


def _sound(media: Media, rows: Rows, samples: int) -> None:
    """Let tones sound in this packet, and be silent behind their end."""
    streams = media.streams
    elapsed = streams.digit_elapsed[rows] + np.uint32(samples)
    streams.digit_elapsed[rows], streams.in_tone[rows] = elapsed, True
    beyond = elapsed.astype(np.int64) - _total(media, rows)
    over = (beyond >= 0) & (streams.digit_phase[rows] != Phase.GAP)
    rows = rows[over]
    streams.digit_quiet[rows] = beyond[over]
    streams.digit_phase[rows] = Phase.GAP
    _tell(media, rows)


def _report(media: Media, rows: Rows, samples: int) -> None:
    """Make one packet of each event."""
    streams, total = media.streams, _total(media, rows)
    streams.event_first[rows] = streams.digit_elapsed[rows] == 0
    _begin_segment(streams, rows[_duration(streams, rows) > LONGEST])
    elapsed = np.minimum(streams.digit_elapsed[rows] + np.uint32(samples), total)
    streams.digit_elapsed[rows] = elapsed
    duration = _duration(streams, rows)
    ends = streams.digit_ends[rows] + ((elapsed == total) & (duration <= LONGEST))
    streams.digit_quiet[rows] = np.where(
        ends > 1, streams.digit_quiet[rows] + np.uint32(samples), 0
    )
    streams.digit_phase[rows] = np.choose(
        np.minimum(ends, ENDS), [Phase.TONE, Phase.END, Phase.END, Phase.GAP]
    )
    streams.digit_ends[rows] = ends
    codes = streams.digits[rows, latest(media, rows)].astype(np.uint32) << np.uint32(24)
    marks = np.where(ends > 0, np.uint32(END), np.uint32(0)) | np.uint32(VOLUME << 16)
    streams.event_payload[rows] = codes | marks | np.minimum(duration, LONGEST)
    streams.in_event[rows] = True
    _tell(media, rows[ends == ENDS])


def _begin_segment(streams: Streams, rows: Rows) -> None:
    streams.digit_timestamp[rows] += LONGEST
    streams.digit_before[rows] += LONGEST


def _duration(streams: Streams, rows: Rows) -> Column[np.uint32]:
    """Return how long the event has been going on in this segment, in units of its clock."""
    units = streams.digit_elapsed[rows] * streams.events_clock[rows].astype(np.int64) // RATE
    # Not below zero, were the clock to change within a digit.
    left: Column[np.int64] = np.maximum(units - streams.digit_before[rows], 0)
    return left.astype(np.uint32)


def _tell(media: Media, rows: Rows) -> None:
    """Tell whose queue is empty, of those whose digit is over."""
    streams = media.streams
    rows = rows[streams.digits_sent[rows] == streams.digits_queued[rows]]
    for stream in media.public.stream[rows].tolist():
        media.events.append(StreamDigitsSent(stream=StreamId(stream)))
