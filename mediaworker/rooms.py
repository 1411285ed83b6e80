"""Who is heard in the mix of a room, worked out from the columns whenever they change."""

from typing import NamedTuple

import numpy as np

from bus.columns import Column
from mediaworker.streams import Rows


class Whisper(NamedTuple):
    """What one row says to another one alone."""

    speaker: int
    listener: int
    gain: float


class Room(NamedTuple):
    """The mix of a room."""

    step: int
    """Ticks that all its packet times are multiples of: so far ahead a tap is full at least."""
    speakers: dict[int, tuple[Rows, Column[np.float32]]]
    """By scale: the rows that are heard by all, in order, and their gains."""
    whispers: tuple[Whisper, ...]
