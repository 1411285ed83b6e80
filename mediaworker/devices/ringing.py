"""The sound of a telephone that rings, on a device of one's own choice."""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.devices.cards import Card

TONES: Final = (880.0, 1108.7)
"""Hz, by turns."""
TURN: Final = 0.04
RINGS: Final = 1.0
"""Seconds, and then silence until ``EVERY``."""
EVERY: Final = 3.0
LOUDNESS: Final = 8000


def ring(rate: int) -> Column[np.int16]:
    """Return one ring and the silence after it."""
    at = np.arange(round(EVERY * rate)) / rate
    high = (at % (2 * TURN)) >= TURN
    sound = np.sin(2 * np.pi * np.where(high, TONES[1], TONES[0]) * at)
    fade = np.clip(np.minimum(at, RINGS - at) / 0.01, 0, 1)
    return np.rint(LOUDNESS * sound * fade).astype(np.int16)


class Ringing:
    """Rings until it is closed."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self.sound = ring(card.rate)
        self.position = 0

    def step(self, now: float, passed: float) -> bool:
        """Keep the device full."""
        room = self.card.available()
        if room > 0:
            piece = np.take(self.sound, self.position + np.arange(room), mode="wrap")
            self.position = (self.position + self.card.write(piece)) % len(self.sound)
        return True
