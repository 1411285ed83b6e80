"""SIP messages as a ladder.

               alice                              bob
0.000             |-INVITE 7 (sendonly)------------>|
0.020             |<-------------------180 INVITE 7-|
0.500             |-INVITE 7 (sendonly)-------x     |
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from bus.tracing import TracedMessage

WIDTH = 34
_FROM = re.compile(r"^(?:From|f)[ \t]*:[ \t]*(.*?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
_DIRECTION = re.compile(rb"^a=(sendrecv|sendonly|recvonly|inactive)\r?$", re.MULTILINE)
_CSEQ = re.compile(rb"^CSeq[ \t]*:[ \t]*(\d+)[ \t]+(\S+?)\r?$", re.MULTILINE | re.IGNORECASE)


class Rung(NamedTuple):
    """One datagram or segment: when it was sent, by whom to whom, and what became of it."""

    at: float
    source: str
    target: str
    datagram: bytes
    fate: str = ""
    """Empty: it arrives; else why not."""


class Ladder:
    """Records; rendered by ``str``."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.rungs: list[Rung] = []

    def add(self, rung: Rung) -> None:
        """Record a rung; the names become columns in the order in which they appear."""
        self.names += [n for n in (rung.source, rung.target) if n not in self.names]
        self.rungs.append(rung)

    def labels(self, source: str | None = None) -> list[str]:
        """Return what was sent (by one, or by all), arrived or not, as ``label`` has it."""
        return [label(r.datagram) for r in self.rungs if source in (None, r.source)]

    def times(self, start: str, source: str | None = None) -> list[float]:
        """Return when everything whose label starts so was sent."""
        return [
            rung.at
            for rung in self.rungs
            if source in (None, rung.source) and label(rung.datagram).startswith(start)
        ]

    def __str__(self) -> str:
        head = "".join(name.center(WIDTH) for name in self.names)
        return "\n".join([" " * 4 + head.rstrip(), *map(self._row, self.rungs)])

    def _row(self, rung: Rung) -> str:
        centres = [WIDTH // 2 + WIDTH * column for column in range(len(self.names))]
        cells = [" "] * (WIDTH * len(self.names))
        for centre in centres:
            cells[centre] = "|"
        start, end = (centres[self.names.index(name)] for name in (rung.source, rung.target))
        left, right = min(start, end), max(start, end)
        arrow = _arrow(label(rung.datagram), right - left - 1, start <= end, rung.fate)
        cells[left + 1 : left + 1 + len(arrow)] = arrow
        return f"{rung.at:8.3f}" + "".join(cells).rstrip()[4:]


def ladder_of(messages: Sequence[TracedMessage]) -> Ladder:
    """Draw what an engine saw, from the first message on: it in one column, each peer in another.

    A call from the engine to itself has a caller and a callee, and each message once.
    """
    sent, received = (
        {message.text for message in messages if message.direction == direction}
        for direction in ("sent", "received")
    )
    own = sent & received
    caller = next((_from(message.text) for message in messages if message.text in own), "")
    ladder = Ladder()
    for message in messages:
        at, datagram = message.at - messages[0].at, message.text.encode()
        if message.text not in own:
            ends = (message.local.partition(":")[2], message.remote)
            ladder.add(Rung(at, *_ordered(ends, message.direction == "sent"), datagram))
        elif message.direction == "sent":
            is_response = message.text.startswith("SIP/2.0 ")
            by_caller = is_response != (_from(message.text) == caller)
            ladder.add(Rung(at, *_ordered(("caller", "callee"), by_caller), datagram))
    return ladder


def _ordered(ends: tuple[str, str], forwards: bool) -> tuple[str, str]:
    return ends if forwards else (ends[1], ends[0])


def _from(text: str) -> str:
    found = _FROM.search(text)
    return found[1] if found else ""


def _arrow(text: str, width: int, rightwards: bool, fate: str) -> str:
    text = f"-{text[: max(width - 4, 0)]}"
    text = f"{text} [{fate}]" if fate and len(text) + len(fate) + 6 < width else text
    if rightwards:
        shaft = text.ljust(width - 1, "-")
        return f"{shaft[: width - 6]}x     " if fate else f"{shaft}>"
    shaft = f"{text[1:]}-".rjust(width - 1, "-")
    return f"     x{shaft[-(width - 6) :]}" if fate else f"<{shaft}"


def label(datagram: bytes) -> str:
    """Name a SIP message: ``INVITE 1 (sendrecv)``, ``180 INVITE 1``; else its size."""
    line = datagram.lstrip().split(b"\r\n", 1)[0].decode("utf-8", errors="replace")
    words = line.split(" ")
    cseq = _CSEQ.search(datagram)
    number, method = (
        (group.decode(errors="replace") for group in cseq.groups()) if cseq else ("", "")
    )
    if words[0] == "SIP/2.0" and len(words) > 1:
        name = f"{words[1]} {method} {number}".rstrip()
    elif words[-1] == "SIP/2.0":
        name = f"{words[0]} {number}".rstrip()
    else:
        return f"{len(datagram)} bytes"
    return name + _media(datagram)


def _media(datagram: bytes) -> str:
    body = datagram.partition(b"\r\n\r\n")[2]
    if not body.startswith(b"v=0"):
        return ""
    found = _DIRECTION.search(body)
    return f" ({found[1].decode() if found else 'sdp'})"
