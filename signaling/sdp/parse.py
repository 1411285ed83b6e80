r"""Bytes -> ``Session`` (RFC 8866).

Strict on structure: ``v=`` first, then ``o=``, one letter and ``=`` a line, no NUL, every number in
its range, sizes bounded.  Tolerant where practice asks for it: LF for CRLF, blank lines at the end,
lines out of order, no ``s=`` or ``t=``, letters and attributes that nobody knows (ignored, kept).
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from string import ascii_letters
from typing import Final, TypeVar

import msgspec

from signaling.sdp import lines
from signaling.sdp.errors import SdpError
from signaling.sdp.model import Media, Session, Time

MOST_BYTES: Final = 65536
MOST_LINES: Final = 1000
MOST_MEDIA: Final = 64
KEPT: Final = 64
"""Descriptions kept read: an offer is considered when it comes and answered later."""
LETTERS: Final = frozenset(ascii_letters)

Value = TypeVar("Value")


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line with its place in the body, from 1."""

    number: int
    letter: str
    value: str

    def read(self, reader: Callable[[str], Value]) -> Value:
        """Read the value, or say where it went wrong."""
        try:
            return reader(self.value)
        except ValueError as error:
            raise self.error(str(error)) from None

    def error(self, what: str, status: int = 400) -> SdpError:
        """Return the error that names this line."""
        return SdpError(self.number, f"{self.letter}={self.value}", what, status)


Section = dict[str, list[Line]]
"""Lines by their letter: those of the session, or of a medium and what follows it."""


@lru_cache(KEPT)
def parse_sdp(body: bytes) -> Session:
    """Read a description.  Raises SdpError."""
    everything = _split(body)
    _check_version(everything[0])
    starts = [at for at, line in enumerate(everything) if line.letter == "m"]
    if len(starts) > MOST_MEDIA:
        raise everything[starts[MOST_MEDIA]].error(f"more than {MOST_MEDIA} media", 488)
    ends = [*starts, len(everything)]
    head = _by_letter(everything[1 : ends[0]])
    return _session(head, [_by_letter(everything[a:b]) for a, b in pairwise(ends)])


def _split(body: bytes) -> list[Line]:
    if len(body) > MOST_BYTES:
        raise SdpError(0, "", f"more than {MOST_BYTES} bytes", 488)
    rows = body.decode("utf-8", errors="replace").rstrip("\r\n").split("\n")
    if len(rows) > MOST_LINES:
        raise SdpError(MOST_LINES + 1, rows[MOST_LINES], f"more than {MOST_LINES} lines", 488)
    return [_line(number, row) for number, row in enumerate(rows, 1)]


def _line(number: int, row: str) -> Line:
    row = row.removesuffix("\r")
    if "\r" in row or "\0" in row:
        raise SdpError(number, row, "NUL or a bare CR")
    letter = row[:1]
    if row[1:2] != "=" or letter not in LETTERS:
        raise SdpError(number, row, "a line is a letter, = and a value")
    return Line(number, letter, row[2:])


def _check_version(line: Line) -> None:
    if line.letter != "v":
        raise line.error("v= comes first")
    if line.value.strip() != "0":
        raise line.error("only version 0 is known", 488)


def _by_letter(section: list[Line]) -> Section:
    found: Section = {}
    for line in section:
        letter = "t" if line.letter == "r" else line.letter  # it belongs to the t= before it
        if letter in found:
            found[letter].append(line)
        else:
            found[letter] = [line]
    return found


def _all(section: Section, letter: str, reader: Callable[[str], Value]) -> tuple[Value, ...]:
    found = section.get(letter)
    return tuple([line.read(reader) for line in found]) if found else ()


def _at_most_one(section: Section, letter: str) -> Line | None:
    found = section.get(letter)
    if found is None:
        return None
    if len(found) > 1:
        raise found[1].error(f"a second {letter}=")
    return found[0]


def _text(section: Section, letter: str) -> str:
    line = _at_most_one(section, letter)
    return line.value if line else ""


def _times(section: Section) -> tuple[Time, ...]:
    times: list[Time] = []
    for line in section.get("t", ()):
        if line.letter == "t":
            times.append(line.read(lines.time))
        elif not times:
            raise line.error("r= without its t=")
        else:
            times[-1] = msgspec.structs.replace(times[-1], repeats=(*times[-1].repeats, line.value))
    return tuple(times) or (Time(),)


def _session(section: Section, media: list[Section]) -> Session:
    if (origin := _at_most_one(section, "o")) is None:
        raise SdpError(0, "", "no o= line")
    if second := section.get("v"):
        raise second[0].error("a second v=")
    connection = _at_most_one(section, "c")
    return Session(
        origin=origin.read(lines.origin),
        name=_text(section, "s") or "-",
        information=_text(section, "i"),
        uri=_text(section, "u"),
        emails=_all(section, "e", str),
        phones=_all(section, "p", str),
        connection=connection.read(lines.connection) if connection else None,
        bandwidths=_all(section, "b", lines.bandwidth),
        times=_times(section),
        zones=_text(section, "z"),
        key=_text(section, "k"),
        attributes=_all(section, "a", lines.attribute),
        media=tuple([_media(each, connected=connection is not None) for each in media]),
    )


def _media(section: Section, *, connected: bool) -> Media:
    """Read a medium; ``connected``: the session has an address for those that have none."""
    first = section["m"][0]
    media = first.read(lines.media)
    connections = _all(section, "c", lines.connection)
    if media.port and not connected and not connections:
        raise first.error("no c= line, neither here nor for the session")
    return msgspec.structs.replace(
        media,
        title=_text(section, "i"),
        connections=connections,
        bandwidths=_all(section, "b", lines.bandwidth),
        key=_text(section, "k"),
        attributes=_all(section, "a", lines.attribute),
    )
