"""Multipart bodies (RFC 5621, RFC 2046 5.1): what is in them for who wants a description.

``unwrap`` takes the description out, however deep it lies, and leaves a message that looks as if it
had come alone.  Other parts are ignored, unless their sender insists (``handling=required``): such
a message stays as it is, and is then refused for its body like any that we cannot read (415).
"""

import re
from collections.abc import Iterator
from typing import Final, TypeVar

import msgspec

from signaling.sip.message import Header, Request, Response, first
from signaling.sip.validate import media_type
from signaling.sip.values import parameter, split_parameters

AnyMessage = TypeVar("AnyMessage", Request, Response)

WANTED: Final = "application/sdp"
DEEPEST: Final = 4
MOST_PARTS: Final = 32
BODY_HEADERS: Final = frozenset(
    {"content-type", "content-disposition", "content-encoding", "content-id", "mime-version"}
)

_LINE_END: Final = re.compile(rb"\r?\n")


class Part(msgspec.Struct, frozen=True):
    """A leaf: its headers by lower-case name, and its content."""

    headers: dict[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """Media type in lower case; without a Content-Type it is text (RFC 2046 5.1)."""
        return media_type(self.headers.get("content-type", "text/plain"))


class _TooDeepError(ValueError):
    """Nobody nests a description like that."""


def unwrap(message: AnyMessage) -> AnyMessage:
    """Put the description of a multipart body in its place; any other message is returned as is.

    Without a description, and if nothing is required, the message is as one without a body.
    """
    content_type = first(message, "Content-Type")
    if not message.body or content_type is None:
        return message
    if not media_type(content_type).startswith("multipart/"):
        return message
    try:
        parts = list(_leaves(content_type, message.body, 0))
    except ValueError:
        return message
    description = next((part for part in parts if part.kind == WANTED), None)
    if any(_is_required(part) for part in parts if part.kind != WANTED):
        return message
    return _with_body(message, description)


def _with_body(message: AnyMessage, description: Part | None) -> AnyMessage:
    headers = [header for header in message.headers if header[0].lower() not in BODY_HEADERS]
    if description is None:
        return msgspec.structs.replace(message, headers=headers, body=b"")
    own: list[Header] = [("Content-Type", description.headers["content-type"])]
    if encoding := description.headers.get("content-encoding"):
        own.append(("Content-Encoding", encoding))
    return msgspec.structs.replace(message, headers=headers + own, body=description.body)


def _is_required(part: Part) -> bool:
    disposition = part.headers.get("content-disposition", "")
    _, semicolon, rest = disposition.partition(";")
    return (parameter(split_parameters(semicolon + rest), "handling") or "").lower() == "required"


def _leaves(content_type: str, body: bytes, depth: int) -> Iterator[Part]:
    if depth >= DEEPEST:
        raise _TooDeepError("too deep")
    for raw in _split(_boundary(content_type), body):
        part = _part(raw)
        if part.kind.startswith("multipart/"):
            yield from _leaves(part.headers["content-type"], part.body, depth + 1)
        else:
            yield part


def _boundary(content_type: str) -> bytes:
    _, semicolon, rest = content_type.partition(";")
    boundary = parameter(split_parameters(semicolon + rest), "boundary")
    if not boundary or len(boundary) > 70:
        raise ValueError("no boundary")
    return boundary.encode()


def _split(boundary: bytes, body: bytes) -> list[bytes]:
    """Return what is between the delimiters; a last one that is missing is forgiven."""
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    parts: list[bytes] = []
    start = -1
    for found in delimiter.finditer(body):
        if start >= 0:
            parts.append(body[start : found.start()])
        if found.group(1):
            return parts
        start = found.end()
        if len(parts) >= MOST_PARTS:
            raise ValueError("too many parts")
    if start < 0:
        raise ValueError("no delimiter")
    return [*parts, body[start:]]


def _part(raw: bytes) -> Part:
    """Take headers and content of a part apart; ``raw`` begins with the delimiter's line end."""
    headers: dict[str, str] = {}
    at = _after_line_end(raw, 0)
    while at < len(raw):
        found = _LINE_END.search(raw, at)
        end, following = (found.start(), found.end()) if found else (len(raw), len(raw))
        line = raw[at:end].decode("utf-8", "replace")
        at = following
        if not line:
            break
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip(" \t")
    return Part(headers, raw[at:])


def _after_line_end(raw: bytes, at: int) -> int:
    found = _LINE_END.match(raw, at)
    return found.end() if found else at
