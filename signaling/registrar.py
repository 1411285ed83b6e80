"""A small registrar (RFC 3261 10.3): REGISTER in, the location table and a 200 or a refusal out.

Off by default (``registrar.enabled``).  A REGISTER is applied as a whole or not at all.  Who may
register is ``guarding``'s business: an account registers itself and nobody else.
"""

from urllib.parse import unquote

import msgspec

from signaling.core import Core
from signaling.location import Binding
from signaling.sip.errors import SipError
from signaling.sip.flow import PORTS, Flow
from signaling.sip.headers import NameAddr, parse_cseq, parse_name_addr
from signaling.sip.message import Header, Request, every, first
from signaling.sip.uri import Uri, parse_uri
from signaling.sip.validate import Refusal

TIMER = "binding"

MOST = 20_000
"""Addresses of record that are somewhere; where there are no accounts anybody may invent some."""


class Asked(msgspec.Struct, frozen=True):
    """One Contact of a REGISTER."""

    contact: str
    quality: float
    seconds: int


def address_of_record(core: Core, uri: Uri) -> str:
    """Return the key of a user in the location table, empty if it is none of our domains."""
    domains = core.state.settings.registrar.domains
    if not uri.user or uri.scheme not in ("sip", "sips"):
        return ""
    user = unquote(uri.user)
    if not domains:
        return user
    return f"{user}@{uri.host.lower()}" if uri.host.lower() in domains else ""


def register(core: Core, request: Request, flow: Flow) -> Refusal:
    """Apply a REGISTER and return what it is answered: 200 with all bindings, or a refusal."""
    try:
        aor = address_of_record(core, parse_uri(parse_name_addr(first(request, "To") or "").uri))
        cseq = parse_cseq(first(request, "CSeq") or "").number
        values = every(request, "Contact")
        asked = [] if values == ["*"] else [_asked(core, request, value) for value in values]
    except SipError as error:
        return Refusal(400, str(error))
    if not aor:
        return Refusal(404)
    before = {each.contact: each for each in core.state.location.of(aor, core.now)}
    call_id = first(request, "Call-ID") or ""
    if any(each.call_id == call_id and each.cseq >= cseq for each in before.values()) and values:
        return Refusal(500, "CSeq out of order")
    if values == ["*"]:
        if (first(request, "Expires") or "").strip() != "0":
            return Refusal(400, "Contact * needs Expires 0")
        before = {}
    refusal = _too_brief(core, asked)
    if refusal is not None:
        return refusal
    after = dict(before)
    for each in asked:
        after.pop(each.contact, None)
        if each.seconds:
            after[each.contact] = Binding(
                contact=each.contact,
                quality=each.quality,
                expires_at=core.now + each.seconds,
                call_id=call_id,
                cseq=cseq,
                flow=_way(flow, parse_uri(each.contact)),
            )
    if aor not in core.state.location.bindings and len(core.state.location.bindings) >= MOST:
        return Refusal(503, "Too Many Users")
    if len(after) > core.state.settings.registrar.max_contacts:
        return Refusal(403, "Too Many Contacts")
    _store(core, aor, after)
    return Refusal(200, "", tuple(_contacts(core, aor)))


def take_timer(core: Core, aor: str, at: float) -> None:
    """Forget what has expired."""
    core.state.location.expire(aor, core.now)


def _store(core: Core, aor: str, bindings: dict[str, Binding]) -> None:
    location = core.state.location
    before = location.bindings.get(aor, {})
    for each in bindings.values():
        if not location.ends(aor, each.expires_at):
            core.push_timer(each.expires_at, aor, TIMER)
    location.replace(aor, bindings)
    if before.keys() != bindings.keys():
        core.log("info", f"registrar: {aor} is at {', '.join(bindings) or 'no place'}")


def _asked(core: Core, request: Request, value: str) -> Asked:
    contact = parse_name_addr(value)
    parse_uri(contact.uri)
    limits = core.state.settings.registrar
    text = contact.parameter("expires") or (first(request, "Expires") or "").strip()
    seconds = int(text) if text.isdecimal() and len(text) <= 10 else limits.max_expires
    return Asked(contact.uri, _quality(contact), min(seconds, limits.max_expires))


def _way(flow: Flow, contact: Uri) -> Flow:
    """Return where calls go: to where the REGISTER came from, on the port that the contact names.

    A contact with another address stands behind a NAT, or is somebody else's: the source it is.
    """
    if flow.reliable or contact.host != flow.host:
        return flow
    return msgspec.structs.replace(flow, port=contact.port or PORTS["udp"])


def _quality(contact: NameAddr) -> float:
    try:
        quality = float(contact.parameter("q") or 1.0)
    except ValueError:
        return 1.0
    return quality if 0.0 <= quality <= 1.0 else 1.0  # NaN is neither


def _too_brief(core: Core, asked: list[Asked]) -> Refusal | None:
    least = core.state.settings.registrar.min_expires
    if any(0 < each.seconds < least for each in asked):
        return Refusal(423, "", (("Min-Expires", str(least)),))
    return None


def _contacts(core: Core, aor: str) -> list[Header]:
    return [
        ("Contact", f"<{each.contact}>;expires={round(each.expires_at - core.now)}")
        for each in core.state.location.of(aor, core.now)
    ]
