r"""Bytes -> ``Session`` (RFC 8866).

Strict on structure: ``v=`` first, then ``o=``, one letter and ``=`` a line, no NUL, every number in
its range, sizes bounded.  Tolerant where practice asks for it: LF for CRLF, blank lines at the end,
lines out of order, no ``s=`` or ``t=``, letters and attributes that nobody knows (ignored, kept).
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple, TypeVar

import msgspec

from signaling.sdp import lines
from signaling.sdp.errors import SdpError
from signaling.sdp.model import Media, Session, Time

MOST_BYTES: Final = 65536
MOST_LINES: Final = 1000
MOST_MEDIA: Final = 64
KEPT: Final = 64
"""Descriptions kept read: an offer is considered when it comes and answered later."""

Value = TypeVar("Value")


class Line(NamedTuple):
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


@lru_cache(KEPT)
def parse_sdp(body: bytes) -> Session:
    """Read a description.  Raises SdpError."""
    everything = _split(body)
    _check_version(everything[0])
    starts = [at for at, line in enumerate(everything) if line.letter == "m"]
    if len(starts) > MOST_MEDIA:
        raise everything[starts[MOST_MEDIA]].error(f"more than {MOST_MEDIA} media", 488)
    sections = [everything[a:b] for a, b in pairwise([*starts, len(everything)])]
    head = everything[1 : starts[0]] if starts else everything[1:]
    session = _session(head)
    media = tuple(_media(section, session) for section in sections)
    return msgspec.structs.replace(session, media=media)


def _split(body: bytes) -> list[Line]:
    if len(body) > MOST_BYTES:
        raise SdpError(0, "", f"more than {MOST_BYTES} bytes", 488)
    rows = body.decode("utf-8", errors="replace").rstrip("\r\n").split("\n")
    if len(rows) > MOST_LINES:
        raise SdpError(MOST_LINES + 1, rows[MOST_LINES], f"more than {MOST_LINES} lines", 488)
    return [_line(number, row.removesuffix("\r")) for number, row in enumerate(rows, 1)]


def _line(number: int, row: str) -> Line:
    if "\r" in row or "\0" in row:
        raise SdpError(number, row, "NUL or a bare CR")
    letter, value = row[:1], row[2:]
    if row[1:2] != "=" or not (letter.isascii() and letter.isalpha()):
        raise SdpError(number, row, "a line is a letter, = and a value")
    return Line(number, letter, value)


def _check_version(line: Line) -> None:
    if line.letter != "v":
        raise line.error("v= comes first")
    if line.value.strip() != "0":
        raise line.error("only version 0 is known", 488)


def _all(section: list[Line], letter: str, reader: Callable[[str], Value]) -> tuple[Value, ...]:
    return tuple(line.read(reader) for line in section if line.letter == letter)


def _at_most_one(section: list[Line], letter: str, reader: Callable[[str], Value]) -> Value | None:
    found = [line for line in section if line.letter == letter]
    if len(found) > 1:
        raise found[1].error(f"a second {letter}=")
    return found[0].read(reader) if found else None


def _text(section: list[Line], letter: str) -> str:
    return _at_most_one(section, letter, str) or ""


def _times(section: list[Line]) -> tuple[Time, ...]:
    times: list[Time] = []
    for line in section:
        if line.letter == "t":
            times.append(line.read(lines.time))
        elif line.letter == "r":
            if not times:
                raise line.error("r= without its t=")
            times[-1] = msgspec.structs.replace(times[-1], repeats=(*times[-1].repeats, line.value))
    return tuple(times) or (Time(),)


def _session(section: list[Line]) -> Session:
    origin = _at_most_one(section, "o", lines.origin)
    if origin is None:
        raise SdpError(0, "", "no o= line")
    if second := [line for line in section if line.letter == "v"]:
        raise second[0].error("a second v=")
    return Session(
        origin=origin,
        name=_text(section, "s") or "-",
        information=_text(section, "i"),
        uri=_text(section, "u"),
        emails=_all(section, "e", str),
        phones=_all(section, "p", str),
        connection=_at_most_one(section, "c", lines.connection),
        bandwidths=_all(section, "b", lines.bandwidth),
        times=_times(section),
        zones=_text(section, "z"),
        key=_text(section, "k"),
        attributes=_all(section, "a", lines.attribute),
    )


def _media(section: list[Line], session: Session) -> Media:
    first, rest = section[0], section[1:]
    connections = _all(rest, "c", lines.connection)
    media = first.read(lines.media)
    if media.port and session.connection is None and not connections:
        raise first.error("no c= line, neither here nor for the session")
    return msgspec.structs.replace(
        media,
        title=_text(rest, "i"),
        connections=connections,
        bandwidths=_all(rest, "b", lines.bandwidth),
        key=_text(rest, "k"),
        attributes=_all(rest, "a", lines.attribute),
    )
