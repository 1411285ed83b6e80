"""Randomness as an input: bytes drawn by the shell for one input, stretched as far as it needs.

The core keeps no generator.  What one input draws follows from the bytes that came with it and
from nothing else, so that a journal that keeps them replays exactly.
"""

import hashlib


class Entropy:
    """Draws tokens from the bytes of one input (16 bytes or more, from the operating system)."""

    def __init__(self, drawn: bytes) -> None:
        self.drawn = drawn
        self.count = 0

    def token(self, size: int = 8) -> str:
        """Return ``size`` unpredictable bytes in hex (for tags, branches, nonces, ids)."""
        return self._block(size).hex()

    def octets(self, size: int) -> bytes:
        """Return ``size`` unpredictable bytes, 64 at most."""
        return self._block(size)

    def number(self, bits: int) -> int:
        """Return an unpredictable number of at most so many bits, never 0."""
        return (int.from_bytes(self._block(8)) >> (64 - bits)) or 1

    def fraction(self) -> float:
        """Return an unpredictable number in [0, 1)."""
        return int.from_bytes(self._block(8)) / 2**64

    def _block(self, size: int) -> bytes:
        self.count += 1
        return hashlib.blake2b(
            self.count.to_bytes(4), key=self.drawn[:64], digest_size=size
        ).digest()
