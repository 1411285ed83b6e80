"""How loud both sides are, in dBov (RFC 6464): 0 is a full-scale square wave, -127 is silence.

Nobody looks more often than ten times a second, so it is measured that often.
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.media import Batch, Media

SILENCE: Final = -127.0
EVERY: Final = 20
"""Ticks, more than any packet time."""
FULL: Final = 10 * np.log10(32768.0**2)

WRITES: Final = frozenset({"public.level_received", "public.level_sent"})


def level(media: Media, batch: Batch) -> None:
    """Measure one frame of both directions in ``EVERY`` ticks."""
    rows, samples, _ = batch
    if media.tick % EVERY < batch.ticks:  # each row is due once in so many ticks
        media.public.level_received[rows] = dbov(media.streams.heard[rows, :samples])
        media.public.level_sent[rows] = dbov(media.streams.said[rows, :samples])


def dbov(frames: Column[np.int16]) -> Column[np.float32]:
    """Return the levels of frames, shape (n, samples)."""
    wide = frames.astype(np.float32)
    power = np.einsum("ij,ij->i", wide, wide) / np.float32(frames.shape[1])
    decibels = np.float32(10) * np.log10(np.maximum(power, np.float32(1e-4))) - np.float32(FULL)
    levels: Column[np.float32] = np.maximum(decibels, np.float32(SILENCE))
    return levels
