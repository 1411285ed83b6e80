"""The pool: one array of int16 samples in shared memory, from which all streams play.

A sound is a segment of it.  This is who has which part: first fit, neighbours joined when freed.
"""

from typing import Final

ALIGN: Final = 32  # samples, a cache line
SAMPLES: Final = 1 << 28
"""Of a worker's pool: 3.1 hours of sound at two rates, 512 MiB that are only there once written."""


class Pool:
    """The free parts, in order of their offset."""

    def __init__(self, samples: int) -> None:
        self.free: list[tuple[int, int]] = [(0, samples)]

    def take(self, samples: int) -> int | None:
        """Return the offset of a new segment; None if no part is large enough."""
        wanted = _aligned(samples)
        for index, (offset, length) in enumerate(self.free):
            if length >= wanted:
                rest = [(offset + wanted, length - wanted)] if length > wanted else []
                self.free[index : index + 1] = rest
                return offset
        return None

    def take_at(self, offset: int, samples: int) -> bool:
        """Take a certain segment; False if it is not free."""
        wanted = _aligned(samples)
        for index, (begin, length) in enumerate(self.free):
            before, behind = offset - begin, begin + length - offset - wanted
            if before >= 0 and behind >= 0:
                parts = [(begin, before), (offset + wanted, behind)]
                self.free[index : index + 1] = [part for part in parts if part[1]]
                return True
        return False

    def give_back(self, offset: int, samples: int) -> None:
        """Free the segment that ``take`` returned for so many samples."""
        joined: list[tuple[int, int]] = []
        for begin, length in sorted([*self.free, (offset, _aligned(samples))]):
            if joined and joined[-1][0] + joined[-1][1] == begin:
                joined[-1] = joined[-1][0], joined[-1][1] + length
            else:
                joined.append((begin, length))
        self.free = joined


def _aligned(samples: int) -> int:
    return max(1, -(-samples // ALIGN)) * ALIGN
