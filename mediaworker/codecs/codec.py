"""What all codecs have in common: arrays in, arrays out.

A codec without memory works on many packets at once.  One with memory has a ``Coder`` a row and
direction, held beside the table.

In the jitter ring a sample is stored with its upper bit flipped, so that 0 is a hole: no codec
makes the lowest of all samples, ``stored`` lifts it by one.
"""

from enum import IntEnum
from typing import Final, NamedTuple, Protocol

import numpy as np

from bus.columns import Column

FLIP: Final = np.array(0x8000, np.uint16)
LOWEST: Final = np.array(1, np.uint16)


class Codec(IntEnum):
    """Column ``codec``, and what payload types stand for in ``payload_kinds``."""

    PCMU = 0
    PCMA = 1


class Memoryless(Protocol):
    """A codec whose packets can be coded in any order."""

    def encode(self, samples: Column[np.int16]) -> Column[np.uint8]:
        """Return the payloads, shape (n, bytes), of frames, shape (n, samples)."""
        ...

    def decode(self, payloads: Column[np.uint8]) -> Column[np.uint16]:
        """Return frames as the ring stores them, shape (n, samples), of payloads (n, bytes)."""
        ...


class Format(NamedTuple):
    """How the payloads of a codec relate to time."""

    name: str
    """As RFC 3551 and ``a=rtpmap`` spell it."""
    clock: int
    """Hz, of RTP timestamps."""
    scale: int
    """Samples of its audio to one at 8 kHz: 1 or 2."""
    coding: Memoryless

    @property
    def units(self) -> int:
        """Return by how much timestamps grow in a tick."""
        return self.clock // 200


def stored(samples: Column[np.int16]) -> Column[np.uint16]:
    """Return samples as the ring stores them."""
    flipped: Column[np.uint16] = np.maximum(samples.view(np.uint16) ^ FLIP, LOWEST)
    return flipped


def restored(samples: Column[np.uint16]) -> Column[np.int16]:
    """Return what was stored; a hole is the lowest of all samples."""
    return (samples ^ FLIP).view(np.int16)
