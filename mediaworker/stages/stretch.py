"""Playing a little slower or faster: one pitch period more or less in a frame, which nobody hears.

    shorter:  [ a a' | b ...      a' is blended from the sound into the same one period later,
    longer:   [ a a' | a ...      or one period earlier

A period is where the sound is most like itself.  Silence has none and can be cut anywhere; sound
that is like itself nowhere waits, unless far too much is in hand.
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.codecs.codec import restored, stored
from mediaworker.masks import some
from mediaworker.media import Batch, Media
from mediaworker.stages.conceal import Floats, Numbers, scores
from mediaworker.streams import BUFFER, PAST, Rows

SHORTEST: Final = 20
"""Samples at 8 kHz that are put in or left out at least, 2.5 ms."""
LONGEST: Final = 120
ALIKE: Final = 0.85
"""What is this much like itself a period later can be stretched."""
QUIET: Final = 200.0
"""What is not louder (root mean square) is silence or faint noise."""
COMPARED: Final = 160
"""Samples at 8 kHz that are compared, and blended."""
EMPTY: Final = np.array(0, np.uint16)


def shorten(media: Media, batch: Batch, most: Numbers, wanted: Floats) -> None:
    """Leave out up to ``most`` samples of the frames that were just taken.

    ``wanted``: how much alike a sound must be to itself.
    """
    _stretch(media, batch, most, wanted, 1)


def lengthen(media: Media, batch: Batch, most: Numbers, wanted: Floats) -> None:
    """Play up to ``most`` samples of the frames that were just taken twice."""
    _stretch(media, batch, most, wanted, -1)


def _stretch(media: Media, batch: Batch, most: Numbers, wanted: Floats, way: int) -> None:
    """Blend into the sound one period later (``way`` 1) or earlier (-1)."""
    streams, (rows, samples, scale) = media.streams, batch
    reach = LONGEST * scale
    begins = streams.cursor[rows] - samples
    width = samples + 2 * reach
    raw = media.jitter[width][rows * BUFFER + begins - reach]
    sound = restored(raw).astype(np.float32)
    there = raw[:, reach:] > EMPTY
    known = np.where(np.logical_and.reduce(there, axis=1), samples + reach, there.argmin(axis=1))
    if way < 0:
        behind = (raw[:, reach - 1 :: -1] == EMPTY)[:, :reach]
        earlier = np.where(behind.any(axis=1), behind.argmax(axis=1), reach)
        most = np.where(known >= samples, np.minimum(most, earlier), 0)
    else:
        most = np.minimum(most, known - samples)
    most = np.minimum(most, reach) // scale
    lags, chosen = _choose(sound, most, wanted, samples, scale, way)
    if some(chosen):
        rows, lags, sound = rows[chosen], lags[chosen] * scale, sound[chosen]
        frames = _blend(sound, lags * way, samples, scale)
        _commit(media, rows, frames, lags * way, samples, scale)


def _choose(
    sound: Floats, most: Numbers, wanted: Floats, samples: int, scale: int, way: int
) -> tuple[Numbers, Column[np.bool_]]:
    """Return the best periods, in samples at 8 kHz, and where there is one."""
    frame = sound[:, LONGEST * scale : LONGEST * scale + samples]
    loudness = np.sqrt(np.einsum("rn,rn->r", frame, frame) / np.float32(samples))
    quiet = loudness < QUIET
    if scale > 1:
        sound = sound.reshape(len(sound), -1, scale).mean(axis=2, dtype=np.float32)
    compared = min(samples // scale, COMPARED)
    one = sound[:, LONGEST : LONGEST + compared]
    first = LONGEST + SHORTEST if way > 0 else 0
    count = LONGEST - SHORTEST + 1
    others = np.lib.stride_tricks.sliding_window_view(
        sound[:, first : first + count - 1 + compared], compared, axis=1
    )
    likeness = scores(one, others)
    choices = np.arange(SHORTEST, LONGEST + 1)[::way]
    likeness[choices > most[:, np.newaxis]] = -2
    best = likeness.argmax(axis=1)
    lags = np.where(quiet, most, choices[best])
    alike = np.take_along_axis(likeness, best[:, np.newaxis], axis=1)[:, 0] >= wanted
    return lags, (quiet | alike) & (most >= SHORTEST)


def _blend(sound: Floats, steps: Numbers, samples: int, scale: int) -> Column[np.int16]:
    """Return frames that begin where they would, and end so many samples later in the sound."""
    numbers = LONGEST * scale + np.arange(samples)
    over = min(samples, COMPARED * scale)
    share = np.minimum(np.arange(1, samples + 1, dtype=np.float32) / np.float32(over), 1)
    other = np.take_along_axis(sound, numbers + steps[:, np.newaxis], axis=1)
    plain = sound[:, numbers]
    frames: Column[np.int16] = np.rint(plain + share * (other - plain)).astype(np.int16)
    return frames


def _commit(
    media: Media, rows: Rows, frames: Column[np.int16], steps: Numbers, samples: int, scale: int
) -> None:
    """Let the frames be what was heard, behind a cursor that moves by so many samples."""
    streams = media.streams
    streams.heard[rows, :samples] = frames
    ends = streams.cursor[rows]
    kept, room = PAST * scale - samples, LONGEST * scale
    places = rows * BUFFER + ends
    before = media.jitter[kept][places - PAST * scale]
    zeros = np.zeros((len(rows), room), np.uint16)
    ends += steps
    places += steps
    history = np.concatenate((zeros, before, stored(frames)), axis=1)
    media.jitter[room + PAST * scale][places - PAST * scale - room] = history
    streams.cursor[rows] = ends
    streams.slack[rows] -= steps
    streams.slack_before[rows] -= steps
