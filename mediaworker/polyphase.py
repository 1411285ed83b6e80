"""From one sample rate to another while it is heard: little delay, many rows at once.

A low-pass of ``TAPS`` taps a phase, so it waits for 12 samples of the lower rate: 1.5 ms at 8 kHz.
(What is there beforehand has time for a longer one: ``sources.resample``.)

Outputs come in a pattern that repeats every ``step`` inputs, so a block is cut into such pieces,
each with the inputs before it that the taps still reach, and all of them are one matrix product:

    [ history | piece ] x [ taps of every output, in the places of the inputs they meet ]
"""

import math
from functools import cache
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import as_strided

from bus.columns import Column

TAPS: Final = 24
"""A phase."""
BETA: Final = 7.857
"""Of the Kaiser window: 80 dB."""
PIECE: Final = 0.005
"""Seconds, about: longer pieces multiply more zeros, shorter ones are more of them."""
LOWEST, HIGHEST = -32768, 32767


class Polyphase:
    """The conversion between two rates; it remembers nothing, so it serves all rows."""

    def __init__(self, source: int, target: int) -> None:
        """``source`` and ``target`` in Hz."""
        common = math.gcd(source, target)
        up, down = target // common, source // common
        times = max(1, round(PIECE * source / down))
        self.step, self.made = times * down, times * up
        """Inputs and outputs of a piece; a block is a multiple of it."""
        self.history = math.ceil(TAPS * max(1.0, source / target))
        """Inputs before a block that it needs."""
        self.matrix = self._matrix(min(1.0, target / source), down / up)

    def begin(self, rows: int = 1) -> Column[np.int16]:
        """Return the history of rows before they said anything."""
        return np.zeros((rows, self.history), np.int16)

    def convert(
        self, block: Column[np.int16], history: Column[np.int16]
    ) -> tuple[Column[np.int16], Column[np.int16]]:
        """Return the block, shape (n, samples), at the other rate, and the history it leaves."""
        known = np.concatenate((history, block), axis=1)
        rows, pieces = len(block), block.shape[1] // self.step
        row, sample = known.strides
        windows = as_strided(
            known,
            (rows, pieces, self.history + self.step),
            (row, self.step * sample, sample),
        )
        met = windows.astype(np.float32).reshape(rows * pieces, -1)
        made = np.rint(met @ self.matrix).clip(LOWEST, HIGHEST).astype(np.int16)
        return made.reshape(rows, pieces * self.made), known[:, block.shape[1] :]

    def _matrix(self, cutoff: float, advance: float) -> Column[np.float32]:
        """Return the taps; ``cutoff`` is of the source's half, ``advance`` inputs to an output."""
        at = np.arange(self.history + self.step)[:, np.newaxis]
        half = self.history / 2
        middle = half + np.arange(self.made) * advance
        offset = at - middle
        window = np.i0(BETA * np.sqrt(np.clip(1 - (offset / half) ** 2, 0, 1)))
        taps = np.where(abs(offset) < half, np.sinc(cutoff * offset) * window, 0.0)
        return np.asarray(taps / taps.sum(axis=0), np.float32)


@cache
def between(source: int, target: int) -> Polyphase:
    """Return the conversion between two rates, in Hz."""
    return Polyphase(source, target)
