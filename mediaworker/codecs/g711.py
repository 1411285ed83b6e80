"""G.711 as table look-ups (ITU-T G.711; the codes as they are on the wire)."""

from collections.abc import Callable
from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.codecs.codec import stored

BIAS: Final = 132
CLIP: Final = 32635


def expand_ulaw(codes: Column[np.uint8]) -> Column[np.int16]:
    """Return the samples of u-law codes."""
    code = ~codes
    exponent, mantissa = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    magnitude = (((mantissa << 3) + BIAS) << exponent) - BIAS
    return np.where(code & 128, -magnitude, magnitude).astype(np.int16)


def expand_alaw(codes: Column[np.uint8]) -> Column[np.int16]:
    """Return the samples of A-law codes."""
    code = codes ^ 0x55
    exponent, mantissa = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    low = (mantissa << 4) + 8
    magnitude = np.where(exponent == 0, low, (low + 256) << np.maximum(exponent - 1, 0))
    return np.where(code & 128, magnitude, -magnitude).astype(np.int16)


def compress_ulaw(samples: Column[np.int16]) -> Column[np.uint8]:
    """Return the u-law codes nearest to samples."""
    wide = samples.astype(np.int32)
    magnitude = np.minimum(np.abs(wide), CLIP) + BIAS
    exponent = _bits(magnitude) - 8
    code = (exponent << 4) | ((magnitude >> (exponent + 3)) & 15)
    return (~(code | np.where(wide < 0, 128, 0)) & 255).astype(np.uint8)


def compress_alaw(samples: Column[np.int16]) -> Column[np.uint8]:
    """Return the A-law codes of the intervals that samples lie in."""
    wide = samples.astype(np.int32) >> 3
    magnitude = np.where(wide < 0, -wide - 1, wide)
    exponent = np.maximum(_bits(magnitude) - 5, 0)
    code = (exponent << 4) | ((magnitude >> np.maximum(exponent, 1)) & 15)
    return (code ^ np.where(wide < 0, 0x55, 0xD5)).astype(np.uint8)


def _bits(magnitude: Column[np.int32]) -> Column[np.int32]:
    """Return how many bits each number has (they are well below 2**24: float32 is exact)."""
    return np.frexp(magnitude.astype(np.float32))[1]


class Law:
    """u-law or A-law: one look-up for a whole block, either way."""

    def __init__(
        self,
        expand: Callable[[Column[np.uint8]], Column[np.int16]],
        compress: Callable[[Column[np.int16]], Column[np.uint8]],
    ) -> None:
        self.codes = compress(np.arange(65536, dtype=np.uint16).view(np.int16))
        """Indexed by a sample seen as an unsigned number."""
        self.samples = expand(np.arange(256, dtype=np.uint8))
        self.stored = stored(self.samples)
        for table in (self.codes, self.samples, self.stored):
            table.flags.writeable = False

    def encode(self, samples: Column[np.int16]) -> Column[np.uint8]:
        """Return a code for each sample."""
        return self.codes.take(samples.view(np.uint16))

    def decode(self, payloads: Column[np.uint8]) -> Column[np.uint16]:
        """Return a sample for each code, as the ring stores it."""
        return self.stored.take(payloads)


ULAW: Final = Law(expand_ulaw, compress_ulaw)
ALAW: Final = Law(expand_alaw, compress_alaw)
