"""Where a packet goes that does not fit into its row's jitter buffer as it is.

What a row receives (column ``received``) is a codec; ``NOTHING`` before the first packet and after
a pause; and bears ``DRY`` while the buffer has run empty in the middle of speech.  While it is dry
play-out goes on with something made up, and the time that this takes is the ``debt``:

* a packet that was only late is played from its beginning: everything is played later from then on,
* of packets that were lost, the time that they would have taken is paid back first.
"""

from math import gcd
from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.codecs.codec import Codec, Format
from mediaworker.codecs.formats import FORMATS
from mediaworker.media import Media
from mediaworker.streams import BASE, REACH, TICK

START: Final = 160
"""Samples at 8 kHz that a row has in hand to begin with, 20 ms."""
SETTLING: Final = 60
"""Ticks from the first packet until what is too much is taken away."""
HOLD: Final = 1000
"""Ticks that a depth is kept after a packet that was late, 5 s."""
STILL_HZ: Final = 500
"""If jitter is less than one over it, 2 ms, it is a slow clock that makes packets late."""
DRIFTING: Final = 48_000
"""Ticks that a clock is taken to be slow, 4 minutes: at 100 ppm it is seen to be every 200 s."""
IDLE: Final = 800
"""Samples at 8 kHz without any packet, 100 ms."""
AMPLE: Final = 1 << 30
DRY: Final = 0x80
OTHER: Final = 0x40
"""The codec's sample rate is not that of the row."""
NOTHING: Final = 0xFF
BASE_CLOCK: Final = 8000


def places_of(units: Column[np.uint32], form: Format) -> Column[np.int64]:
    """Return how many samples so many units of RTP timestamps are; they may be negative."""
    signed = units.view(np.int32).astype(np.int64)
    rate = form.scale * BASE_CLOCK
    if rate == form.clock:
        return signed
    return signed * (rate // form.clock) if rate > form.clock else signed // (form.clock // rate)


def units_of(samples: int, form: Format) -> int:
    """Return how many units of RTP timestamps so many samples are; never a part of one."""
    return samples * form.clock // (form.scale * BASE_CLOCK)


def form_of(media: Media, row: int, codec: Codec) -> Format:
    """Return how a codec's timestamps relate to the samples of a row."""
    return FORMATS[codec]._replace(scale=int(media.streams.scale[row]))


def place(media: Media, row: int, codec: Codec, timestamp: int, samples: int) -> int | None:
    """Return where in the buffer a packet goes, None if it is of no use; may move time for it."""
    streams, form = media.streams, form_of(media, row, codec)
    state, cursor = int(streams.received[row]), int(streams.cursor[row])
    at = place_of(timestamp - int(streams.origin[row]), form)
    if state == NOTHING or not _same_clock(state, form):
        return begin(media, row, codec, timestamp, samples)
    if not -REACH * form.scale <= at - cursor <= REACH * form.scale - samples:
        return begin(media, row, codec, timestamp, samples)
    streams.received[row] = _marked(codec, form)
    if state & DRY:
        return _moisten(media, row, at - cursor, form)
    if at >= cursor:
        return at
    media.public.packets_late[row] += np.uint64(1)
    streams.slack[row] = min(int(streams.slack[row]), at - cursor)
    streams.steady_at[row] = media.tick + HOLD
    return None


def begin(media: Media, row: int, codec: Codec, timestamp: int, samples: int) -> int:
    """Begin anew with a packet, behind what is left of others; return where it goes."""
    streams, form = media.streams, form_of(media, row, codec)
    cursor, filled = int(streams.cursor[row]), int(streams.filled[row])
    at = cursor + max(0, needed(media, row, samples) + START * form.scale)
    at = at if filled > cursor + REACH * form.scale // 2 else max(at, filled)
    at += at % 2  # whole units of every clock
    streams.buffer[row, at:] = 0
    streams.origin[row] = (timestamp - units_of(at, form)) & 0xFFFF_FFFF
    streams.filled[row] = at
    streams.received[row], streams.debt[row] = _marked(codec, form), 0
    streams.noise[row] = 0
    streams.slack[row] = streams.slack_before[row] = AMPLE
    streams.steady_at[row] = media.tick + SETTLING
    return at


def needed(media: Media, row: int, samples: int) -> int:
    """Return how far ahead of the cursor packets of one length must go, to be there when due.

    Less than zero if they wait for longer than they take.
    Frames are taken from ``due`` on; a packet brings ``samples`` at once, the next so much later.
    """
    streams = media.streams
    frame, scale = int(streams.frame[row]), int(streams.scale[row])
    wait = max(0, int(streams.due[row]) - media.tick) * TICK * scale
    step = gcd(frame, max(samples, 1))
    return frame - step - (wait - wait % step)


def clear(media: Media, row: int) -> None:
    """Empty the buffer of a row, whose next packet is its first."""
    streams = media.streams
    streams.buffer[row] = 0
    streams.cursor[row] = streams.filled[row] = BASE * int(streams.scale[row])
    streams.received[row], streams.debt[row] = NOTHING, 0
    streams.gap[row] = IDLE * int(streams.scale[row])


def _moisten(media: Media, row: int, ahead: int, form: Format) -> int:
    """Return where the first packet goes after the buffer ran dry."""
    streams = media.streams
    cursor, debt = int(streams.cursor[row]), int(streams.debt[row])
    paid = min(ahead, debt)
    streams.origin[row] = (int(streams.origin[row]) + units_of(paid, form)) & 0xFFFF_FFFF
    streams.debt[row] = 0
    if paid < debt:
        media.public.packets_late[row] += np.uint64(1)
        streams.steady_at[row] = media.tick + HOLD
        if streams.jitter[row] < form.clock / STILL_HZ:
            streams.drifts_until[row] = media.tick + DRIFTING
    return cursor + ahead - paid


def place_of(units: int, form: Format) -> int:
    """Return where a timestamp lies that is so many units from the origin of its row."""
    units &= 0xFFFF_FFFF
    signed = units - (1 << 32) if units >= 1 << 31 else units
    return signed * form.scale * BASE_CLOCK // form.clock


def _same_clock(state: int, form: Format) -> bool:
    return FORMATS[Codec(state & ~(DRY | OTHER))].clock == form.clock


def _marked(codec: Codec, form: Format) -> int:
    return codec if form.scale == FORMATS[codec].scale else codec | OTHER
