"""From one sample rate to any other, whose ratio may change all the time and is never heard to.

Each output is the product of the inputs around its place with a windowed sinc, shifted by the part
of the place between two inputs; taps between two tabulated phases are interpolated.  Places go on
without a jump whatever the ratio does, so the phase of a tone does, too.
"""

import math
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bus.columns import Column

CROSSINGS: Final = 16
"""Zero crossings of the sinc on either side, at the lower rate: 1 ms at 16 kHz."""
PHASES: Final = 256
BETA: Final = 8.0
"""Of the Kaiser window: 80 dB."""
BAND: Final = 0.94
"""Cut-off, of half the lower rate."""
LOWEST, HIGHEST = -32768, 32767


class Varispeed:
    """One stream between two clocks."""

    def __init__(self, source: int, target: int) -> None:
        """``source`` and ``target`` are nominal rates in Hz."""
        self.step = source / target
        self.half = math.ceil(CROSSINGS * max(1.0, self.step))
        self.width = 2 * self.half
        self.table = _table(self.half, min(1.0, 1 / self.step) * BAND)
        self.past = np.zeros(self.width, np.float32)
        self.at = 0.0
        """Where in ``past`` the window of the next output begins."""

    def convert(self, block: Column[np.int16], ratio: float = 1.0) -> Column[np.int16]:
        """Return what a block becomes; with a ratio of 1.001, a thousandth more samples."""
        known = np.concatenate((self.past, block.astype(np.float32)))
        step, last = self.step / ratio, len(known) - self.width
        count = max(0, math.floor((last - self.at) / step) + 1)
        if not count:
            self.past = known
            return block[:0]
        places = self.at + step * np.arange(count)
        begins = places.astype(np.intp)
        phase = (places - begins) * PHASES
        lower = phase.astype(np.intp)
        part = (phase - lower).astype(np.float32)[:, np.newaxis]
        taps = self.table[lower] * (1 - part) + self.table[lower + 1] * part
        made = np.einsum("ij,ij->i", sliding_window_view(known, self.width)[begins], taps)
        self.at += count * step
        done = min(int(self.at), len(known))
        self.past, self.at = known[done:], self.at - done
        samples: Column[np.int16] = np.rint(made).clip(LOWEST, HIGHEST).astype(np.int16)
        return samples


def _table(half: int, cutoff: float) -> Column[np.float32]:
    """Return the taps of every phase, and of the first one again."""
    shift = np.arange(PHASES + 1)[:, np.newaxis] / PHASES
    offset = np.arange(2 * half) - (half - 1) - shift
    window = np.i0(BETA * np.sqrt(np.clip(1 - (offset / half) ** 2, 0, 1)))
    taps = np.where(abs(offset) < half, np.sinc(cutoff * offset) * window, 0.0)
    return np.asarray(taps / taps.sum(axis=1, keepdims=True), np.float32)
