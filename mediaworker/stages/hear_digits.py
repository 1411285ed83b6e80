"""Digits that the peer sends as telephone-events (RFC 4733): one event for each, when it is over.

A digit is known by its timestamp, so it does not matter which of its packets are lost: any one of
them is enough.  It is over with a packet that says so, with the next digit, or if nothing is heard
of it for ``PATIENCE``.
"""

from typing import Final

import numpy as np

from bus.ids import StreamId
from bus.streams import StreamDigit
from mediaworker.masks import some
from mediaworker.media import Batch, Media, Wave
from mediaworker.rtp.event import KEYS, LONGEST, SIZE, Event, parse
from mediaworker.streams import HEADER, Streams

PATIENCE: Final = 50
"""Ticks, 250 ms: three packets of 60 ms and some."""
LAST_SEGMENT: Final = 0xF000
"""An event that long is so long that another segment of it may follow (section 2.5.1.3)."""
EARLIER: Final = range(1, 160_000)
"""A packet that was overtaken is of an old digit if its timestamp is so far before the latest."""

WRITES: Final = frozenset(
    {
        "event_active",
        "event_known",
        "event_code",
        "event_started",
        "event_ssrc",
        "event_before",
        "event_length",
        "event_heard_at",
    }
)


def hear_digits(media: Media, wave: Wave) -> None:
    """Note the telephone-events of a wave."""
    packets = wave.events
    if packets is None:
        return
    slots = np.broadcast_to(packets.slot, packets.rows.shape).tolist()
    for index, row in enumerate(packets.rows.tolist()):
        begin = HEADER if packets.begins is None else int(packets.begins[index])
        end = begin + min(SIZE, int(packets.sizes[index]))
        event = parse(media.streams.datagrams[row, slots[index], begin:end].tobytes())
        if event is not None and event.code < len(KEYS):
            newest = bool(packets.newest[index])
            _hear(media, row, int(packets.timestamps[index]), event, newest=newest)


def end_digits(media: Media, batch: Batch) -> None:
    """End digits of which nothing was heard for long."""
    streams, rows = media.streams, batch.rows
    active = streams.event_active[rows]
    if not some(active):
        return
    rows = rows[active]
    for row in rows[media.tick - streams.event_heard_at[rows] > PATIENCE].tolist():
        _end(media, row)


def _hear(media: Media, row: int, timestamp: int, event: Event, *, newest: bool) -> None:
    streams = media.streams
    known = streams.event_known[row] and streams.event_ssrc[row] == streams.remote_ssrc[row]
    age = (timestamp - int(streams.event_started[row])) & 0xFFFF_FFFF
    if known and not newest and -age & 0xFFFF_FFFF in EARLIER:
        return  # of a digit before this one
    if not known or age:
        if not _goes_on(streams, row, age, event):
            _end(media, row)
            streams.event_before[row] = 0
        _begin(streams, row, timestamp, event)
    elif not streams.event_active[row]:
        return  # it is over already
    length = int(streams.event_before[row]) + event.duration
    streams.event_length[row] = max(length, int(streams.event_length[row]))
    streams.event_heard_at[row] = media.tick
    if event.end:
        _end(media, row)


def _goes_on(streams: Streams, row: int, age: int, event: Event) -> bool:
    """Whether an event is the next segment of the one before it: it begins where that ended."""
    same = streams.event_active[row] and streams.event_code[row] == event.code
    return bool(same and LAST_SEGMENT <= age <= LONGEST)


def _begin(streams: Streams, row: int, timestamp: int, event: Event) -> None:
    if streams.event_active[row]:
        streams.event_before[row] += np.uint32(timestamp - int(streams.event_started[row]) & 0xFFFF)
    else:
        streams.event_length[row] = 0
    streams.event_active[row] = streams.event_known[row] = True
    streams.event_code[row] = event.code
    streams.event_started[row] = timestamp
    streams.event_ssrc[row] = streams.remote_ssrc[row]


def _end(media: Media, row: int) -> None:
    """Report the digit, if there is one."""
    streams = media.streams
    if not streams.event_active[row]:
        return
    streams.event_active[row] = False
    stream = StreamId(int(media.public.stream[row]))
    key = KEYS[int(streams.event_code[row])]
    duration_ms = int(streams.event_length[row]) * 1000 // int(streams.events_clock[row])
    media.events.append(StreamDigit(stream=stream, digit=key, duration_ms=duration_ms))
