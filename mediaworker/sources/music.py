"""The built-in tune: broken chords of soft plucked notes, a loop that has no seam.

Every note is laid round a circle, so what of it rings on at the end is heard at the beginning.
Nothing in it is above 1100 Hz, so no detector takes two of its notes for a DTMF digit (whose upper
tones begin at 1209 Hz), nor one for the tone of a calling fax machine.
"""

from functools import cache
from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.sources.resample import RATE
from mediaworker.sources.tones import FULL_SCALE_DBM0

LEVEL: Final = -20.0
"""dBm0, of the whole."""
BEAT: Final = 2400
"""Samples from one note to the next, 0.3 s."""
RING: Final = 12000
"""Samples until a note is gone."""
ATTACK: Final = 240
PARTIALS: Final = ((1, 1.0), (2, 0.35))
CHORDS: Final = (
    (57, 60, 64, 67, 72, 67, 64, 60),
    (53, 60, 64, 69, 72, 69, 64, 60),
    (55, 60, 64, 67, 72, 67, 64, 62),
    (55, 59, 62, 65, 71, 67, 65, 62),
)
"""A minor seventh, F major seventh, C over G, G seventh: MIDI note numbers, a beat each."""
A4: Final = 69


@cache
def music(scale: int = 1) -> Column[np.int16]:
    """Return one turn of the tune, at ``scale`` times 8 kHz; it lasts as long at any."""
    notes = [note for chord in CHORDS for note in chord]
    turn = np.zeros(scale * BEAT * len(notes))
    for beat, note in enumerate(notes):
        places = (beat * BEAT * scale + np.arange(RING * scale)) % len(turn)
        turn[places] += _pluck(440.0 * 2 ** ((note - A4) / 12), scale)
    wanted = 32767 / np.sqrt(2) * 10 ** ((LEVEL - FULL_SCALE_DBM0) / 20)
    return np.asarray(np.rint(turn * wanted / np.sqrt(np.mean(np.square(turn)))), np.int16)


def _pluck(frequency: float, scale: int) -> Column[np.float64]:
    """Return a note that rises softly, decays and has died away after ``RING`` samples."""
    at = np.arange(RING * scale) / scale
    rise = np.sin(np.pi / 2 * np.minimum(at / ATTACK, 1)) ** 2
    fall = np.exp(-at / (RING / 4)) * np.cos(np.pi / 2 * at / RING) ** 2
    phase = 2 * np.pi * frequency / RATE * at
    note: Column[np.float64] = np.zeros(len(at))
    for number, weight in PARTIALS:
        note += weight * np.sin(number * phase)
    note *= rise * fall
    return note
