"""The mix of a room: the sum of what all say, for each without what it says itself.

The sum is a product of a vector (the gains) and a matrix (a row a speaker), so a tick costs as much
as there are members.  Speakers of the other sample rate are summed first and converted together.

Packet times may differ.  At tick T the tap of a speaker reaches ``step`` ticks ahead at least, as
all packet times are multiples of that and all are due in the same rhythm: a frame of any length
ends there.  With one packet time for all, that is the frame which was heard in this very tick.
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.media import Batch, Media
from mediaworker.polyphase import between
from mediaworker.rooms import Room, Whisper
from mediaworker.sources.resample import RATE
from mediaworker.streams import TAP, TICK, Rows

LOUDEST: Final = 32767
Floats = Column[np.float32]


def mix(media: Media, room: Room, batch: Batch, *, whole: bool = False) -> Column[np.int16]:
    """Return what the rows of ``batch`` hear of a room; ``whole``: also what they say."""
    rows, samples, scale = batch
    heard = np.empty((len(rows), samples), np.float32)
    heard[:] = np.float32(0)
    for each, (speakers, gains) in room.speakers.items():
        if each != scale:
            total = gains @ _taps(media, room, speakers, batch.ticks, each, _history(each, scale))
            heard += _converted(total, each, scale)
            continue
        said = _taps(media, room, speakers, batch.ticks, scale) * gains[:, np.newaxis]
        heard += said.sum(axis=0)
        if not whole:
            at = np.minimum(np.searchsorted(speakers, rows), len(speakers) - 1)
            own = speakers[at] == rows
            heard[own] -= said[at[own]]
    for whisper in room.whispers:
        heard[rows == whisper.listener] += _whispered(media, room, whisper, batch)
    mixed: Column[np.int16] = np.rint(heard).clip(-LOUDEST, LOUDEST).astype(np.int16)
    return mixed


def _taps(media: Media, room: Room, rows: Rows, ticks: int, scale: int, history: int = 0) -> Floats:
    """Return the frames of ``ticks`` that end ``step`` ahead, and samples before them."""
    streams, tick = media.streams, TICK * scale
    elapsed = media.tick - streams.tap_at[rows]
    ends = streams.tap_written[rows] - streams.frame[rows] + (elapsed + room.step) * tick
    samples = ticks * tick + history
    said: Floats = media.taps.read(rows, (ends - samples) % TAP, samples).astype(np.float32)
    stale = elapsed >= streams.period[rows]
    if stale.any():  # it has not begun, or was not heard for a while
        said[stale] = 0
    return said


def _whispered(media: Media, room: Room, whisper: Whisper, batch: Batch) -> Floats:
    rows, gain = np.array([whisper.speaker]), np.float32(whisper.gain)
    scale = int(media.streams.scale[whisper.speaker])
    if scale == batch.scale:
        said: Floats = _taps(media, room, rows, batch.ticks, scale)[0] * gain
        return said
    history = _history(scale, batch.scale)
    known = _taps(media, room, rows, batch.ticks, scale, history)[0] * gain
    return _converted(known, scale, batch.scale)


def _history(source: int, target: int) -> int:
    return between(source * RATE, target * RATE).history


def _converted(known: Floats, source: int, target: int) -> Floats:
    """Return a frame at the other rate; it comes with the samples before it."""
    way = between(source * RATE, target * RATE)
    sound = np.rint(known).clip(-LOUDEST, LOUDEST).astype(np.int16)[np.newaxis]
    converted, _ = way.convert(sound[:, way.history :], sound[:, : way.history])
    frame: Floats = converted[0].astype(np.float32)
    return frame
