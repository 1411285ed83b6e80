"""L16: the samples themselves, in network byte order (RFC 3551 section 4.5.11)."""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.codecs.codec import stored


class Linear:
    """Both sample rates."""

    def encode(self, samples: Column[np.int16]) -> Column[np.uint8]:
        """Return two bytes for each sample."""
        return samples.astype(">i2").view(np.uint8)

    def decode(self, payloads: Column[np.uint8]) -> Column[np.uint16]:
        """Return a sample for each two bytes, as the ring stores it."""
        even = payloads[:, : payloads.shape[1] // 2 * 2]
        return stored(np.ascontiguousarray(even).view(">i2").astype(np.int16))


LINEAR: Final = Linear()
