"""Lengths of time in header fields: Retry-After (RFC 3261 20.33)."""

from typing import Final

LONGEST: Final = 2**31 - 1
"""Seconds."""


def delta_seconds(text: str) -> int:
    """Read the seconds a value begins with, before a comment or parameters; -1: there are none."""
    digits = text.partition(";")[0].partition("(")[0].strip(" \t")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 10:
        return -1
    return min(int(digits), LONGEST)
