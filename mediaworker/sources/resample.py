"""Any rate to 8 or 16 kHz by a windowed sinc, for sound that is there beforehand.

Output sample n lies at n * rate / target of the input, which falls into one of ``up`` phases
between two input samples.  Each phase has its own row of taps, so the conversion is one row product
per output sample.  The Kaiser window (80 dB) spans 64 zero crossings to either side: what lies
above half of the lower rate is gone, what lies below 0.46 of it is untouched.
"""

import math
from typing import Any, Final

import numpy as np

from bus.columns import Column

RATE: Final = 8000
CROSSINGS: Final = 64
ATTENUATION: Final = 80.0  # dB


def kernel(
    rate: int, half: int, offsets: Column[np.float64], target: int = RATE
) -> Column[np.float64]:
    """Evaluate the low-pass at ``offsets`` (in input samples, from -half to half)."""
    lower = min(rate, target)
    transition = (ATTENUATION - 7.95) / (2.285 * 4 * math.pi * half)  # of the input rate
    cutoff = lower / rate / 2 - transition / 2
    beta = 0.1102 * (ATTENUATION - 8.7)
    window = np.i0(beta * np.sqrt(np.clip(1 - (offsets / half) ** 2, 0, 1))) / np.i0(beta)
    return np.asarray(2 * cutoff * np.sinc(2 * cutoff * offsets) * window, np.float64)


class Resampler:
    """The taps of one input rate and one output rate, in Hz."""

    def __init__(self, rate: int, target: int = RATE) -> None:
        common = math.gcd(rate, target)
        self.up, self.down = target // common, rate // common
        self.half = math.ceil(CROSSINGS * max(1.0, rate / target))
        ahead = np.arange(1 - self.half, self.half + 1, dtype=np.float64)
        phases = np.arange(self.up, dtype=np.float64)[:, np.newaxis] / self.up
        taps = kernel(rate, self.half, ahead - phases, target)
        self.taps = (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)

    def output_length(self, samples: int) -> int:
        """How many samples come of so many."""
        return -(-samples * self.up // self.down)

    def span(self, first: int, count: int) -> tuple[int, int]:
        """Which input the outputs ``first`` ... need: its first sample (may be < 0) and length."""
        begin = first * self.down // self.up - self.half + 1
        end = (first + count - 1) * self.down // self.up + self.half + 1
        return begin, end - begin

    def convert(self, piece: Column[np.float32], first: int, count: int) -> Column[np.float32]:
        """Make the outputs ``first`` ... from the ``piece`` that ``span`` asked for."""
        windows: np.ndarray[Any, np.dtype[np.float32]] = np.lib.stride_tricks.sliding_window_view(
            piece, 2 * self.half
        )
        at = np.arange(first, first + count, dtype=np.int64) * self.down
        rows = windows[at // self.up - first * self.down // self.up]
        if self.up == 1:
            return np.asarray(rows @ self.taps[0], np.float32)
        return np.asarray(np.einsum("ij,ij->i", rows, self.taps[at % self.up]), np.float32)
