"""Bytes -> ``Request`` or ``Response`` (RFC 3261 sections 7, 18.3 and 25).

Strategy: one pass over the lines, ``str.partition`` and a look-up by name; a precompiled pattern
only for the values that a user agent depends on (FIELDS).  Whatever is wrong raises; only then the
text is read a second time, without any check, for what an answer needs (``salvage``).

Strict on structure: CRLF, one SP between the parts of the start line, header names, the header
fields that must be there and those that may be there only once.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from signaling.sip.errors import ParseError
from signaling.sip.grammar import (
    A_TOKEN,
    CALL_ID,
    FOLD,
    MEDIA_TYPE,
    NUMBER,
    SIP_VERSION,
)
from signaling.sip.headers import check_address, check_via, parse_cseq
from signaling.sip.message import Header, Request, Response
from signaling.sip.names import LISTS, NAMES, REQUIRED, SINGLE, SPELLING
from signaling.sip.uri import uri_problem
from signaling.sip.values import split_list

Check = Callable[[str, str], None]
Field = tuple[str, bool, Check | None]
"""Spelling, whether it is a list, and the check of each value."""

MOST_FORWARDS: Final = 255
MOST_HEADERS: Final = 500
"""Of a message, elements of lists counted; longer ones are an attack on our time."""
KEPT: Final = 1024
"""Lines kept read: most of what a peer says in one message it says in the next."""
LONGEST_KEPT: Final = 200
"""Characters."""
METHODS: Final = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER"})


def parse_message(datagram: bytes) -> Request | Response:
    """Read one datagram, or one message out of a stream; what follows its body is ignored.

    Raises ParseError, with the request in part where it can be answered.
    """
    try:
        return _parse(datagram.lstrip(b"\r\n"))
    except ParseError as error:
        partial = salvage(datagram)
        raise ParseError(error.status, error.reason, partial, detail=error.detail) from None


def _parse(datagram: bytes) -> Request | Response:
    head, blank, body = datagram.partition(b"\r\n\r\n")
    lines = _lines(head)
    if not blank:
        raise ParseError(400, "No empty line after the header fields")
    start = lines[0]
    if start[:4].upper() == "SIP/":
        status, reason = _status_line(start)
        headers, values = _headers(lines)
        parse_cseq(values["CSeq"])
        return Response(
            status=status, reason=reason, headers=headers, body=_body(headers, values, body)
        )
    method, uri = _request_line(start)
    headers, values = _headers(lines)
    if parse_cseq(values["CSeq"]).method != method:
        raise ParseError(400, "Method in CSeq differs", detail=values["CSeq"])
    return Request(method=method, uri=uri, headers=headers, body=_body(headers, values, body))


def _lines(head: bytes) -> list[str]:
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        raise ParseError(400, f"Not UTF-8 at byte {error.start}") from None
    if "\r\n " in text or "\r\n\t" in text:
        text = FOLD.sub(" ", text)
    lines = text.split("\r\n")
    breaks = len(lines) - 1
    if text.count("\n") != breaks or text.count("\r") != breaks:
        raise ParseError(400, "CR or LF alone in the header fields")
    if breaks > MOST_HEADERS:
        raise ParseError(400, "Too many header fields")
    return lines


def _request_line(line: str) -> tuple[str, str]:
    method, _, rest = line.partition(" ")
    uri, _, version = rest.partition(" ")
    if version != "SIP/2.0":
        _check_version(line, version)
    if method not in METHODS and not A_TOKEN.fullmatch(method):
        raise ParseError(400, "Malformed method", detail=method)
    problem = uri_problem(uri, headers_allowed=False)
    if problem:
        raise ParseError(400, problem, detail=uri)
    return method, uri


def _check_version(line: str, version: str) -> None:
    if not SIP_VERSION.fullmatch(version):
        raise ParseError(400, "Malformed start line", detail=line)
    if version[4:] != "2.0":
        raise ParseError(505, "Version Not Supported", detail=version)


def _status_line(line: str) -> tuple[int, str]:
    version, _, rest = line.partition(" ")
    code, _, reason = rest.partition(" ")
    _check_version(line, version)
    if len(code) != 3 or not NUMBER.fullmatch(code) or not "100" <= code <= "699":
        raise ParseError(400, "Malformed status line", detail=line)
    return int(code), reason


# ------------------------------------------------------------------------------ header fields


def _headers(lines: list[str]) -> tuple[list[Header], dict[str, str]]:
    """Return all header fields, and the last value of each by its name."""
    headers: list[Header] = []
    for line in lines[1:]:
        headers += _kept(line) if len(line) <= LONGEST_KEPT else _read(line)
        if len(headers) > MOST_HEADERS:
            raise ParseError(400, f"Too many values of {headers[-1][0]}")
    values = dict(headers)
    if len(values) < len(headers):
        _check_single(headers)
    for name in REQUIRED:
        if name not in values:
            raise ParseError(400, f"{name} missing")
    return headers, values


def _check_single(headers: list[Header]) -> None:
    seen: set[str] = set()
    for name, _ in headers:
        if name in seen and name in SINGLE:
            raise ParseError(400, f"{name} more than once")
        seen.add(name)


def _read(line: str) -> tuple[Header, ...]:
    """Read a line: one header field, or as many as it lists."""
    name, colon, value = line.partition(":")
    spelling, listed, check = FIELDS.get(name) or _field(name, colon, line)
    value = value.strip(" \t")
    elements = split_list(value) if listed and "," in value else [value]
    if check is not None:
        for element in elements:
            check(spelling, element)
    return tuple([(spelling, element) for element in elements])


_kept: Final = lru_cache(KEPT)(_read)


def _field(name: str, colon: str, line: str) -> Field:
    name = name.rstrip(" \t")
    if not colon or not A_TOKEN.fullmatch(name):
        raise ParseError(400, "Malformed header field", detail=line)
    spelling = SPELLING.get(name.lower())
    return (name, False, None) if spelling is None else FIELDS[spelling]


def _body(headers: list[Header], values: dict[str, str], body: bytes) -> bytes:
    """Cut the body to its length; Content-Length says how a message was framed, not what it is."""
    length = values.get("Content-Length")
    if length is None:
        return body
    headers.remove(("Content-Length", length))
    size = int(length)
    if size > len(body):
        raise ParseError(400, "Content-Length beyond the end", detail=length)
    return body[:size] if size < len(body) else body


def _check_call_id(name: str, value: str) -> None:
    if not CALL_ID.fullmatch(value):
        raise ParseError(400, f"Malformed {name}", detail=value)


def _check_number(name: str, value: str) -> None:
    if not NUMBER.fullmatch(value):
        raise ParseError(400, f"Malformed {name}", detail=value)


def _check_max_forwards(name: str, value: str) -> None:
    if not NUMBER.fullmatch(value) or int(value) > MOST_FORWARDS:
        raise ParseError(400, f"{name} not from 0 to {MOST_FORWARDS}", detail=value)


def _check_media_type(name: str, value: str) -> None:
    if not MEDIA_TYPE.fullmatch(value):
        raise ParseError(400, f"Malformed {name}", detail=value)


CHECKS: Final[dict[str, Check]] = {
    "Via": check_via,
    "From": check_address,
    "To": check_address,
    "Contact": check_address,
    "Route": check_address,
    "Record-Route": check_address,
    "Call-ID": _check_call_id,
    "Max-Forwards": _check_max_forwards,
    "Content-Length": _check_number,
    "Content-Type": _check_media_type,
}

FIELDS: Final[dict[str, Field]] = {
    name: (name, name in LISTS, CHECKS.get(name)) for name in sorted(NAMES)
}


# ------------------------------------------------------------------------------- what is left


def salvage(datagram: bytes) -> Request | None:
    """Read what an answer needs (RFC 3261 8.2.6.2); None for a response or without a Via."""
    head = datagram.lstrip(b"\r\n").partition(b"\r\n\r\n")[0]
    text = FOLD.sub(" ", head.decode(errors="replace"))
    lines = [_one_line(line) for line in text.split("\r\n", MOST_HEADERS)]
    words = lines[0].split(" ")
    if len(words) < 3 or words[0][:4].upper() == "SIP/" or "SIP/" not in lines[0].upper():
        return None
    headers = _answerable(lines[1 : MOST_HEADERS + 1])
    if not A_TOKEN.fullmatch(words[0]) or all(name != "Via" for name, _ in headers):
        return None
    return Request(method=words[0], uri=words[1], headers=headers)


def _answerable(lines: list[str]) -> list[Header]:
    headers: list[Header] = []
    seen: set[str] = set()
    for line in lines:
        name, _, value = line.partition(":")
        spelling = SPELLING.get(name.rstrip(" \t").lower(), "")
        if spelling in REQUIRED and (spelling == "Via" or spelling not in seen):
            seen.add(spelling)
            headers.append((spelling, value.strip(" \t")))
    return headers


def _one_line(line: str) -> str:
    return line.replace("\r", " ").replace("\n", " ")
