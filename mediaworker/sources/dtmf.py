"""Digits as pairs of tones, ITU-T Q.23: a row of the keypad and a column of it.

|          | 1209 | 1336 | 1477 | 1633 Hz
| 697 Hz   |  1   |  2   |  3   |  A
| 770 Hz   |  4   |  5   |  6   |  B
| 852 Hz   |  7   |  8   |  9   |  C
| 941 Hz   |  *   |  0   |  #   |  D

The upper tone is the louder one, by 2 dB, as it loses more on its way (Q.24 allows 4 dB).
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.rtp.event import KEYS
from mediaworker.sources.resample import RATE
from mediaworker.sources.tones import FULL_SCALE_DBM0

KEYPAD: Final = ("123A", "456B", "789C", "*0#D")
LOW: Final = (697, 770, 852, 941)
HIGH: Final = (1209, 1336, 1477, 1633)
LOW_LEVEL: Final = -8.0
"""dBm0."""
HIGH_LEVEL: Final = -6.0
FINEST: Final = 2
"""The highest scale."""
FINE: Final = FINEST * RATE
RAMP: Final = 16
"""Samples at 8 kHz in which a tone grows and fades, 2 ms: one cut off is heard at others too."""


def pair(key: str) -> Column[np.int16]:
    """Return a second of a digit's tones at ``FINE``; they are of whole hertz, so it is a loop."""
    row = next(index for index, keys in enumerate(KEYPAD) if key in keys)
    low, high = LOW[row], HIGH[KEYPAD[row].index(key)]
    return np.asarray(np.rint(_sine(low, LOW_LEVEL) + _sine(high, HIGH_LEVEL)), np.int16)


def _sine(frequency: int, level: float) -> Column[np.float64]:
    amplitude = 32767 * 10 ** ((level - FULL_SCALE_DBM0) / 20)
    turns = np.arange(FINE) * frequency / FINE
    return np.asarray(amplitude * np.sin(2 * np.pi * turns), np.float64)


PAIRS: Final[Column[np.int16]] = np.stack([pair(key) for key in KEYS])
"""By RFC 4733 event code, shape (16, FINE)."""


def sound(
    codes: Column[np.uint8],
    begins: Column[np.int64],
    ends: Column[np.int64],
    samples: int,
    scale: int = 1,
) -> Column[np.int16]:
    """Return the next samples of digits that have sounded ``begins`` of ``ends`` 8 kHz samples.

    Shape (n, samples), at ``scale`` times 8 kHz; silence behind the end.
    """
    at = FINEST * begins[:, np.newaxis] + FINEST // scale * np.arange(samples)
    loud = np.clip(np.minimum(at, FINEST * ends[:, np.newaxis] - at) / (FINEST * RAMP), 0, 1)
    return np.asarray(PAIRS[codes[:, np.newaxis], at % FINE] * loud, np.int16)
