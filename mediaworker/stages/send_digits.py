"""Digits that we send as telephone-events (RFC 4733), in place of the audio.

IDLE --> TONE: a packet each packet time, all of one timestamp, the duration grows
     --> END: the last duration, three times, marked as the end
     --> GAP: audio again, until the gap since the end of the tone is over --> IDLE
"""

from enum import IntEnum
from typing import Final

import numpy as np

from bus.ids import StreamId
from bus.streams import StreamDigitsSent
from mediaworker.masks import some
from mediaworker.media import Batch, Media
from mediaworker.rtp.event import END, VOLUME
from mediaworker.streams import DIGITS, TICK, Rows

ENDS: Final = 3
"""Packets that say that an event is over (section 2.5.1.4)."""


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
        "digit_ends",
        "digit_quiet",
        "in_event",
        "event_first",
        "event_payload",
    }
)


def send_digits(media: Media, batch: Batch) -> None:
    """Decide which of the packets due are events, and what is in them."""
    streams, rows = media.streams, batch.rows
    waiting = streams.digits_sent[rows] != streams.digits_queued[rows]
    waiting |= streams.digit_phase[rows] != IDLE
    if not some(waiting):
        return
    rows = rows[waiting]
    streams.in_event[rows] = False
    rows = rows[streams.sends[rows] & (streams.events_payload_type[rows] >= 0)]
    _leave_gap(media, rows, batch.samples)
    phase = streams.digit_phase[rows]
    queued = streams.digits_sent[rows] != streams.digits_queued[rows]
    _begin(media, rows[(phase == Phase.IDLE) & queued])
    _go_on(media, rows[streams.digit_phase[rows] % Phase.GAP > 0], batch.samples)


def _leave_gap(media: Media, rows: Rows, samples: int) -> None:
    """Let the gap go by; a digit can begin in this packet if it is over."""
    streams = media.streams
    rows = rows[streams.digit_phase[rows] == Phase.GAP]
    gaps = streams.digit_gaps[rows, _latest(media, rows)]
    over = streams.digit_quiet[rows] >= gaps
    streams.digit_phase[rows[over]] = Phase.IDLE
    streams.digit_quiet[rows] += np.uint32(samples)


def _begin(media: Media, rows: Rows) -> None:
    streams = media.streams
    streams.digit_phase[rows] = Phase.TONE
    streams.digits_sent[rows] += np.uint32(1)
    streams.digit_elapsed[rows] = streams.digit_ends[rows] = 0
    time = streams.media_time[rows] * np.uint32(TICK)
    streams.digit_timestamp[rows] = streams.timestamp_base[rows] + time


def _go_on(media: Media, rows: Rows, samples: int) -> None:
    """Make one packet of each event."""
    streams, latest = media.streams, _latest(media, rows)
    total = streams.digit_samples[rows, latest].astype(np.uint32)
    streams.event_first[rows] = streams.digit_elapsed[rows] == 0
    elapsed = np.minimum(streams.digit_elapsed[rows] + np.uint32(samples), total)
    ends = streams.digit_ends[rows] + (elapsed == total)
    streams.digit_quiet[rows] = np.where(
        ends > 1, streams.digit_quiet[rows] + np.uint32(samples), 0
    )
    streams.digit_phase[rows] = np.choose(
        np.minimum(ends, ENDS), [Phase.TONE, Phase.END, Phase.END, Phase.GAP]
    )
    codes = streams.digits[rows, latest].astype(np.uint32) << np.uint32(24)
    marks = np.where(ends > 0, np.uint32(END), np.uint32(0)) | np.uint32(VOLUME << 16)
    streams.digit_elapsed[rows], streams.digit_ends[rows] = elapsed, ends
    streams.event_payload[rows] = codes | marks | elapsed
    streams.in_event[rows] = True
    done = (ends == ENDS) & (streams.digits_sent[rows] == streams.digits_queued[rows])
    for stream in media.public.stream[rows[done]].tolist():
        media.events.append(StreamDigitsSent(stream=StreamId(stream)))


def _latest(media: Media, rows: Rows) -> Rows:
    """Return where the digit that is being sent lies in the queue."""
    return ((media.streams.digits_sent[rows] - np.uint32(1)) % np.uint32(DIGITS)).astype(np.intp)
