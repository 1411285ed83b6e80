"""A tone as a loop: a whole number of periods in a whole number of samples, so it never clicks.

Most frequencies have no such loop of bearable length; theirs is moved to the nearest that has one,
which is at most 0.03 Hz away.
"""

import math
from fractions import Fraction
from typing import Final

import numpy as np

from bus.columns import Column
from bus.errors import BadSourceError

RATE: Final = 8000
FULL_SCALE_DBM0: Final = 3.14
"""Level of the loudest sine in G.711 (its table 5 for A-law; mu-law has 3.17)."""
LONGEST: Final = 64000
LOWEST, HIGHEST = 20.0, 3800.0


def tone(frequency: float, level: float, scale: int = 1) -> Column[np.int16]:
    """Return one loop of a sine; ``frequency`` in Hz, ``level`` in dBm0.

    At ``scale`` times 8 kHz; it lasts as long at any.

    Raises BadSourceError outside 20 to 3800 Hz or above full scale.
    """
    if not LOWEST <= frequency <= HIGHEST:
        raise BadSourceError(f"a tone of {frequency} Hz is not within 20 to 3800 Hz")
    if not level <= FULL_SCALE_DBM0:
        raise BadSourceError(f"a tone of {level} dBm0 is louder than full scale (+3.14 dBm0)")
    turns = Fraction(frequency / RATE).limit_denominator(LONGEST)
    periods, samples = turns.numerator, turns.denominator
    samples *= scale
    phase = 2 * math.pi * periods / samples * np.arange(samples)
    amplitude = 32767 * 10 ** ((level - FULL_SCALE_DBM0) / 20)
    return np.asarray(np.rint(amplitude * np.sin(phase)), np.int16)
