"""G.711 as table look-ups (ITU-T G.711; the codes as they are on the wire).

``EXPAND`` is indexed by a sample of the jitter ring, ``mark << 8 | code`` where the mark is a
``Law`` plus one; mark 0 is no sample and silence.  ``COMPRESS[law]`` is indexed by a sample seen as
an unsigned number.
"""

from typing import Final

import numpy as np

from bus.columns import Column

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


def _expand_table() -> Column[np.int16]:
    codes = np.arange(256, dtype=np.uint8)
    return np.concatenate([np.zeros(256, np.int16), expand_ulaw(codes), expand_alaw(codes)])


def _compress_table() -> Column[np.uint8]:
    samples = np.arange(65536, dtype=np.uint16).view(np.int16)
    return np.stack([compress_ulaw(samples), compress_alaw(samples)])


EXPAND: Final = _expand_table()
COMPRESS: Final = _compress_table()
EXPAND.flags.writeable = COMPRESS.flags.writeable = False
