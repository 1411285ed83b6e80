"""The header fields of transfers: Refer-To, Replaces, Event, Subscription-State, and sipfrag.

RFC 3515 (REFER), RFC 3891 (Replaces), RFC 4488 (Refer-Sub), RFC 6665 (Event), RFC 3420 (sipfrag).
A Refer-To carries, escaped in its URI, header fields for the request it asks for.  Somebody else
wrote them: only those of ``HARMLESS`` reach that request (RFC 3261 19.1.5).
"""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from signaling.sip.errors import ParseError
from signaling.sip.grammar import A_TOKEN, UNRESERVED
from signaling.sip.headers import parse_name_addr
from signaling.sip.intervals import delta_seconds
from signaling.sip.message import Header, Message, every, first
from signaling.sip.names import SPELLING
from signaling.sip.uri import ESCAPE, parse_uri, render_uri
from signaling.sip.values import parameter, split_parameters

SIPFRAG: Final = "message/sipfrag"
REFER_EVENT: Final = "refer"
NO_TAG: Final = "0"
"""Stands in a Replaces for a tag that an RFC 2543 peer does not have (RFC 3891 3)."""

HARMLESS: Final = frozenset(
    {"Subject", "Organization", "Priority", "Referred-By", "User-To-User", "In-Reply-To"}
)
"""Header fields of a Refer-To's URI that are copied, besides ``X-...`` and those read here."""

STATUS_LINE: Final = re.compile(rb"SIP/2\.0 ([1-6][0-9]{2})(?: ([^\r\n]*+))?+(?:\r?\n|\Z)")
NEEDS_ESCAPE: Final = re.compile(f"[^{UNRESERVED}]")
REPLACES: Final = re.compile(r"([^\x00-\x20\x7f;,]++)[ \t]*+(;.*)?")


class Replaces(msgspec.Struct, frozen=True, kw_only=True):
    """Which dialog a new one takes the place of, as the receiver of the INVITE sees it."""

    call_id: str
    to_tag: str
    """Its receiver's own tag."""
    from_tag: str
    early_only: bool = False


class ReferTo(msgspec.Struct, frozen=True, kw_only=True):
    """What a REFER asks for."""

    uri: str
    """Without header fields and ``method``."""
    method: str = "INVITE"
    replaces: str = ""
    """Value of a Replaces, unescaped."""
    requires_replaces: bool = False
    headers: tuple[Header, ...] = ()
    """Harmless ones, unescaped."""


class SubscriptionState(msgspec.Struct, frozen=True, kw_only=True):
    """How a subscription stands, in each NOTIFY."""

    state: str
    """``active pending terminated``."""
    expires: int | None = None
    """Seconds."""
    reason: str = ""


def parse_replaces(text: str) -> Replaces:
    """Read ``call-id;to-tag=..;from-tag=..``; each tag must be there once (RFC 3891 6.1)."""
    found = REPLACES.fullmatch(text.strip())
    if found is None:
        raise ParseError(400, "Malformed Replaces", detail=text)
    parameters = split_parameters(found.group(2) or "")
    tags = [[v for n, v in parameters if n.lower() == name] for name in ("to-tag", "from-tag")]
    if any(len(values) != 1 or not values[0] for values in tags):
        raise ParseError(400, "Replaces without its two tags", detail=text)
    return Replaces(
        call_id=found.group(1),
        to_tag=tags[0][0] or "",
        from_tag=tags[1][0] or "",
        early_only=parameter(parameters, "early-only") is not None,
    )


def render_replaces(replaces: Replaces) -> str:
    """Write a Replaces."""
    tags = f"to-tag={replaces.to_tag or NO_TAG};from-tag={replaces.from_tag or NO_TAG}"
    return f"{replaces.call_id};{tags}{';early-only' if replaces.early_only else ''}"


def the_only(message: Message, name: str) -> str | None:
    """Return a value that may be there once; None where it is absent.

    Raises ParseError (400) where there are more.
    """
    values = every(message, name)
    if len(values) > 1:
        raise ParseError(400, f"More than one {name}")
    return values[0] if values else None


def parse_refer_to(text: str) -> ReferTo:
    """Read a Refer-To.  Raises ParseError: 400, or 416 for a URI that is none of SIP or tel."""
    uri = parse_uri(parse_name_addr(text).uri)
    carried = [(_spelt(name), unescape(value)) for name, value in uri.headers]
    replaces = [value for name, value in carried if name == "Replaces"]
    if len(replaces) > 1:
        raise ParseError(400, "More than one Replaces in Refer-To", detail=text)
    if replaces:
        parse_replaces(replaces[0])
    kept = tuple(item for item in uri.parameters if item[0].lower() != "method")
    return ReferTo(
        uri=render_uri(msgspec.structs.replace(uri, parameters=kept, headers=())),
        method=(uri.parameter("method") or "INVITE").upper(),
        replaces=replaces[0] if replaces else "",
        requires_replaces=("Require", "replaces") in carried,
        headers=tuple(header for header in carried if _is_harmless(*header)),
    )


def render_refer_to(uri: str, headers: Iterable[Header] = ()) -> str:
    """Write a Refer-To; ``headers`` are those of the request it asks for."""
    carried = "&".join(f"{name}={escape(value)}" for name, value in headers)
    return f"<{uri}{'?' if carried else ''}{carried}>"


def escape(text: str) -> str:
    """Write a value as it stands in the header part of a URI (RFC 3261 19.1.1, hvalue)."""
    return NEEDS_ESCAPE.sub(lambda f: "".join(f"%{b:02X}" for b in f.group().encode()), text)


def unescape(text: str) -> str:
    """Read a value from the header part of a URI.  Raises ParseError for what is no text."""
    raw = bytearray()
    at = 0
    for found in ESCAPE.finditer(text):
        raw += text[at : found.start()].encode() + bytes([int(found.group(1), 16)])
        at = found.end()
    try:
        value = bytes(raw + text[at:].encode()).decode()
    except UnicodeDecodeError:
        raise ParseError(400, "Refer-To is not UTF-8", detail=text) from None
    if any(ord(character) < 32 for character in value):
        raise ParseError(400, "A line break in Refer-To", detail=text)
    return value


def _spelt(name: str) -> str:
    text = unescape(name)
    return SPELLING.get(text.lower(), text)


def _is_harmless(name: str, value: str) -> bool:
    named = name in HARMLESS or (name.lower().startswith("x-") and A_TOKEN.fullmatch(name))
    return bool(value and named)


# -------------------------------------------------------------------------------- NOTIFY


def parse_event(text: str) -> tuple[str, str]:
    """Return package and id of an Event; the id is empty where there is none (RFC 6665 8.2.1)."""
    package, semicolon, rest = text.partition(";")
    parameters = split_parameters(f"{semicolon}{rest}".rstrip())
    return package.strip().lower(), parameter(parameters, "id") or ""


def parse_subscription_state(text: str) -> SubscriptionState:
    """Read a Subscription-State; an ``expires`` that is no number is none (RFC 6665 8.2.3)."""
    state, semicolon, rest = text.partition(";")
    parameters = split_parameters(f"{semicolon}{rest}".rstrip())
    seconds = delta_seconds(parameter(parameters, "expires") or "")
    return SubscriptionState(
        state=state.strip().lower(),
        expires=seconds if seconds >= 0 else None,
        reason=parameter(parameters, "reason") or "",
    )


def render_subscription_state(state: SubscriptionState) -> str:
    """Write a Subscription-State."""
    expires = "" if state.expires is None else f";expires={state.expires}"
    return f"{state.state}{expires}{f';reason={state.reason}' if state.reason else ''}"


def parse_sipfrag(body: bytes) -> tuple[int, str] | None:
    """Return status and reason of a status line, None where there is none (RFC 3515 2.4.5)."""
    found = STATUS_LINE.match(body)
    if found is None:
        return None
    return int(found.group(1)), (found.group(2) or b"").decode(errors="replace")


def render_sipfrag(status: int, reason: str) -> bytes:
    """Write a status line and nothing else: more may tell what is nobody's business."""
    return f"SIP/2.0 {status} {reason}\r\n".encode()


def refers_silently(message: Message) -> bool:
    """Whether ``Refer-Sub: false`` asks for no subscription, or grants that (RFC 4488 4)."""
    value = first(message, "Refer-Sub")
    return value is not None and value.partition(";")[0].strip().lower() == "false"
