"""What all codecs have in common: arrays in, arrays out.

A codec without memory works on many packets at once.  One with memory has an ``Encoder`` and a
``Decoder`` a row, held beside the table (``coders``); they work at the codec's own sample rate.

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
    L16 = 2
    """At 8 kHz."""
    L16_WIDE = 3
    """At 16 kHz."""
    G722 = 4
    OPUS = 5
    G729 = 6


class Memoryless(Protocol):
    """A codec whose packets can be coded in any order."""

    def encode(self, samples: Column[np.int16]) -> Column[np.uint8]:
        """Return the payloads, shape (n, bytes), of frames, shape (n, samples)."""
        ...

    def decode(self, payloads: Column[np.uint8]) -> Column[np.uint16]:
        """Return frames as the ring stores them, shape (n, samples), of payloads (n, bytes)."""
        ...


class Encoder(Protocol):
    """What remembers the frames that one row sent."""

    pauses: bool
    """It may have nothing to be sent."""

    def encode(self, frame: Column[np.int16]) -> bytes:
        """Return the payload of the next frame, of whatever length packets are.

        Empty: there is nothing to be sent in its place (discontinuous transmission).
        """
        ...

    def expect_loss(self, percent: int) -> None:
        """Prepare for so many packets to be lost, if it can."""
        ...


class Decoder(Protocol):
    """What remembers the packets that one row received; it is given them in their order."""

    def decode(self, payload: bytes) -> Column[np.int16]:
        """Return the samples of a payload, ``Stateful.samples`` of them; none if malformed."""
        ...

    def conceal(self, samples: int) -> Column[np.int16]:
        """Return something in place of samples that did not arrive; none if it cannot.

        ``samples`` is a multiple of 5 ms.
        """
        ...

    def recover(self, payload: bytes, samples: int) -> Column[np.int16]:
        """Return the samples lost just before a payload, from what it says of them.

        If it says nothing, that is ``conceal``.  To be followed by ``decode`` of the same payload.
        """
        ...


class Stateful(Protocol):
    """A codec with memory."""

    def encoder(self, parameters: str) -> Encoder:
        """Make one that heeds what the peer's ``a=fmtp`` asks for."""
        ...

    def decoder(self) -> Decoder:
        """Make one."""
        ...

    def samples(self, payload: bytes) -> int:
        """Return how many samples a payload makes, without decoding it; 0 if it is malformed."""
        ...

    def missing(self) -> str:
        """Return what would have to be installed, empty if all is there."""
        ...


class Format(NamedTuple):
    """How the payloads of a codec relate to time."""

    name: str
    """As RFC 3551 and ``a=rtpmap`` spell it."""
    clock: int
    """Hz, of RTP timestamps."""
    scale: int
    """Samples of its audio to one at 8 kHz: 1 or 2."""
    coding: Memoryless | None = None
    """Of a codec without memory; each of its samples has ``sample_bytes``."""
    coders: Stateful | None = None
    """Of one with memory."""
    sample_bytes: int = 1
    packet_times: tuple[int, ...] = (10, 20, 30, 40, 50, 60)
    """Milliseconds, that a packet can be of; shortest first."""

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
