"""Telephone-events, RFC 4733: the payload of four bytes.

|     event     |E|R| volume    |          duration             |
"""

from typing import Final, NamedTuple

SIZE: Final = 4
KEYS: Final = "0123456789*#ABCD"
"""Events 0 to 15 (section 3.2)."""
VOLUME: Final = 10
"""-10 dBm0."""
END: Final = 1 << 23
LONGEST: Final = 0xFFFF
"""Samples that fit into one segment of an event (section 2.5.1.3)."""


class Event(NamedTuple):
    """One packet's worth."""

    code: int
    end: bool
    volume: int
    duration: int
    """Timestamp units since the event began."""


def parse(payload: bytes) -> Event | None:
    """Read a payload; None if it is too short.  Further events behind it are not looked at."""
    if len(payload) < SIZE:
        return None
    code, flags = payload[0], payload[1]
    return Event(code, bool(flags & 0x80), flags & 0x3F, int.from_bytes(payload[2:4]))


def word(code: int, volume: int, duration: int) -> int:
    """Return a payload as a number; add ``END`` for the last packets."""
    return code << 24 | volume << 16 | duration
