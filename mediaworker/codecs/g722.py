"""G.722 by the library of that name: 16 kHz in 64 kbit/s (ITU-T G.722, RFC 3551 section 4.5.2).

RTP counts its time at 8 kHz, which was a mistake of RFC 1890 and is kept.  A byte is two samples.
"""

import importlib
import importlib.util
from typing import Any, Final

import numpy as np

from bus.columns import Column

RATE: Final = 16000
BITRATE: Final = 64000
NOTHING: Final[Column[np.int16]] = np.zeros(0, np.int16)


class Memory:
    """Encoder or decoder: the library's object is either."""

    pauses = False

    def __init__(self) -> None:
        library: Any = importlib.import_module("G722")
        self.library = library.G722(RATE, BITRATE)

    def encode(self, frame: Column[np.int16]) -> bytes:
        """Return a byte for each two samples."""
        return bytes(self.library.encode(np.ascontiguousarray(frame)))

    def expect_loss(self, percent: int) -> None:
        """Do nothing: no packet knows of another."""

    def decode(self, payload: bytes) -> Column[np.int16]:
        """Return two samples for each byte."""
        return np.frombuffer(self.library.decode(payload), np.int16)

    def conceal(self, samples: int) -> Column[np.int16]:
        """Return none: the predictors are left as they are (as in G.722 without an appendix)."""
        return NOTHING

    def recover(self, payload: bytes, samples: int) -> Column[np.int16]:
        """Return none."""
        return NOTHING


class G722:
    """The codec."""

    def encoder(self, parameters: str) -> Memory:
        """Make one; there are no parameters."""
        return Memory()

    def decoder(self) -> Memory:
        """Make one."""
        return Memory()

    def samples(self, payload: bytes) -> int:
        """Return how many samples a payload makes."""
        return 2 * len(payload)

    def missing(self) -> str:
        """Return what is not installed, if anything."""
        return "" if importlib.util.find_spec("G722") else "the package G722"
