"""Gain and mute of a call, of either direction; rows without cost nothing."""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.media import Batch

UNITY: Final = np.array(1, np.float32)
LOWEST, HIGHEST = -32768, 32767


def turn(batch: Batch, gains: Column[np.float32], sound: Column[np.int16]) -> None:
    """Multiply the frames of a batch in ``sound`` by the column ``gains``, and clip them."""
    rows, samples = batch.rows, batch.samples
    rows = rows[gains[rows] != UNITY]
    if len(rows):
        louder = np.rint(sound[rows, :samples] * gains[rows, np.newaxis])
        sound[rows, :samples] = louder.clip(LOWEST, HIGHEST).astype(np.int16)
