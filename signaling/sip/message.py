"""SIP messages as plain data (RFC 3261 section 7).

Header names are in the RFC's canonical spelling (``Call-ID``, ``CSeq``, ``Via``; compact forms are
expanded), whatever came in.  A header whose grammar is a comma-separated list (Via, Contact, Route,
Record-Route, Supported ...) is one entry a value.  Values are text, unfolded and trimmed.  Headers
that are not UTF-8 are malformed (RFC 3261 section 7: 400); a body is bytes.

Content-Length is not among the headers: it says how a message was framed; ``parse`` takes it off
and ``render`` puts it on.
"""

import msgspec

Header = tuple[str, str]


class Request(msgspec.Struct, kw_only=True):
    """A request; ``uri`` is the Request-URI as text."""

    method: str
    uri: str
    headers: list[Header]
    body: bytes = b""


class Response(msgspec.Struct, kw_only=True):
    """A response."""

    status: int
    reason: str
    headers: list[Header]
    body: bytes = b""


Message = Request | Response


def first(message: Message, name: str) -> str | None:
    """Return the first value of a header, None if there is none."""
    for key, value in message.headers:
        if key == name:
            return value
    return None


def every(message: Message, name: str) -> list[str]:
    """Return all values of a header in their order."""
    return [value for key, value in message.headers if key == name]
