"""Whether a user agent server can do what a well-formed request asks (RFC 3261 section 8.2)."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from signaling.sip.errors import LocalError, excerpt
from signaling.sip.grammar import A_TOKEN, MEDIA_TYPE
from signaling.sip.message import Header, Request, every, first
from signaling.sip.uri import scheme_of
from signaling.sip.values import parameter, split_parameters

KNOWN_METHODS: Final = frozenset(
    {
        "ACK",
        "BYE",
        "CANCEL",
        "INFO",
        "INVITE",
        "MESSAGE",
        "NOTIFY",
        "OPTIONS",
        "PRACK",
        "PUBLISH",
        "REFER",
        "REGISTER",
        "SUBSCRIBE",
        "UPDATE",
    }
)
"""Every method with an RFC; those that we do not implement get 405, all others 501."""
KEPT: Final = 64
"""Media types kept read."""


class Refusal(msgspec.Struct, frozen=True):
    """The answer to a request that goes no further."""

    status: int
    reason: str = ""
    headers: tuple[Header, ...] = ()


def method_refusal(
    request: Request, implemented: frozenset[str], known: frozenset[str] = KNOWN_METHODS
) -> Refusal | None:
    """Refuse a method with 405 (the caller adds Allow) or 501 (RFC 3261 8.2.1)."""
    if request.method in implemented:
        return None
    return Refusal(405 if request.method in known else 501)


def refuse(
    request: Request,
    *,
    methods: frozenset[str],
    schemes: frozenset[str],
    extensions: frozenset[str],
    body_types: frozenset[str],
) -> Refusal | None:
    """Check what the header fields ask for, in the order of RFC 3261 section 8.2.

    405 or 501 the method, 416 the scheme of the Request-URI, 420 what is required, 415 the body,
    406 what is accepted of an answer to an INVITE.  An ACK is never refused.
    """
    if request.method == "ACK":
        return None
    refusal = method_refusal(request, methods) or _scheme(request, schemes)
    present = {name for name, _ in request.headers}
    if refusal is None and "Require" in present:
        refusal = _required(request, extensions)
    if refusal is None and request.body:
        refusal = _content(request, body_types)
    if refusal is None and "Accept" in present:
        refusal = _acceptable(request, body_types)
    return refusal


def _scheme(request: Request, schemes: frozenset[str]) -> Refusal | None:
    return None if scheme_of(request.uri) in schemes else Refusal(416)


def _required(request: Request, extensions: frozenset[str]) -> Refusal | None:
    if request.method == "CANCEL":  # RFC 3261 8.2.2.3
        return None
    unknown = [tag for tag in every(request, "Require") if tag and tag.lower() not in extensions]
    return Refusal(420, headers=(("Unsupported", ", ".join(unknown)),)) if unknown else None


def _content(request: Request, body_types: frozenset[str]) -> Refusal | None:
    if _optional(first(request, "Content-Disposition")):
        return None
    content_type = first(request, "Content-Type")
    if content_type is None:
        return Refusal(400, "Content-Type is missing")
    if media_type(content_type) not in body_types:
        return _unsupported("Accept", body_types)
    encodings = [coding.lower() for coding in every(request, "Content-Encoding")]
    if any(coding not in ("identity", "") for coding in encodings):
        return _unsupported("Accept-Encoding", ("identity",))
    return None


def _unsupported(name: str, supported: Iterable[str]) -> Refusal:
    return Refusal(415, headers=((name, ", ".join(sorted(supported))),))


def _optional(disposition: str | None) -> bool:
    if disposition is None:
        return False
    at = disposition.find(";")
    parameters = split_parameters(disposition[at:]) if at >= 0 else ()
    return (parameter(parameters, "handling") or "").lower() == "optional"


def _acceptable(request: Request, body_types: frozenset[str]) -> Refusal | None:
    accepted = every(request, "Accept")
    if request.method != "INVITE":
        return None
    ranges = [media_type(value) for value in accepted]
    if any(_covers(wanted, ours) for wanted in ranges for ours in body_types):
        return None
    return Refusal(406)


@lru_cache(KEPT)
def media_type(value: str) -> str:
    """Return ``type/subtype`` in lower case without parameters, empty where it is none."""
    found = MEDIA_TYPE.fullmatch(value)
    return f"{found.group(1)}/{found.group(2)}".lower() if found else ""


def _covers(wanted: str, ours: str) -> bool:
    return wanted in (ours, "*/*") or wanted == f"{ours.partition('/')[0]}/*"


def check_header(name: str, value: str) -> None:
    """Refuse a header field that would break out of its line.  Raises LocalError."""
    if not A_TOKEN.fullmatch(name):
        raise LocalError(f"{excerpt(name)} is not the name of a header field")
    if "\r" in value or "\n" in value or "\0" in value:
        raise LocalError(f"{name}: {excerpt(value)} has a line break or a NUL")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise LocalError(f"{name}: {excerpt(value)} is not UTF-8") from None
