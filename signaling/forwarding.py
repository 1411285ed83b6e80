"""The way to who is registered here: a proxy without transactions (RFC 3261 16.11).

It forwards what is for a user in the location table, unless an application has subscribed to that
very user.  Everything it has to know later travels in the message, sealed: in our Record-Route the
two ends' flows (as RFC 5626 5.2 does it) and the caller's tag, in our Via the flow that the
response goes back to.  So a request within the dialog finds its way also to an end behind a NAT, on
TCP or on a WebSocket, and nothing is kept for a call.  Who was let in is remembered for the time of
its retransmissions, because credentials are good only once.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TypeVar

import msgspec

from signaling.core import Core
from signaling.dialogs.dialog import dialog_key
from signaling.effects import Send
from signaling.guarding import guard
from signaling.location import Binding
from signaling.registrar import address_of_record
from signaling.sending import listener_named
from signaling.sip.errors import SipError
from signaling.sip.flow import SECURE, Flow
from signaling.sip.headers import parse_name_addr, parse_via
from signaling.sip.message import Header, Request, Response, every, first
from signaling.sip.render import render, respond
from signaling.sip.uri import Uri, bracketed, parse_uri
from signaling.sip.validate import Refusal
from signaling.sip.values import split_list
from signaling.state import Listener
from signaling.transactions.matching import tag_of

BRANCH = "z9hG4bKfw"
FLOW = "flow"
"""Our Via parameter."""
OUR_TAG = "offhook-fw-"
"""How the To tags of our own refusals begin; an ACK with one has arrived."""
REMEMBER = 40.0
"""Seconds that who was let in is remembered: 64*T1 and some."""
SEAL = 12
DIALOGS = frozenset({"INVITE", "SUBSCRIBE", "REFER"})


T = TypeVar("T")


class Ends(msgspec.Struct, frozen=True, array_like=True):
    """Both ends of a dialog that we forwarded."""

    caller_tag: str
    caller: Flow
    called: Flow


def forwarded(core: Core, request: Request, flow: Flow) -> bool:
    """Forward a request, or refuse it, if it is for somebody who is registered here."""
    if not core.state.settings.registrar.enabled or request.method == "REGISTER":
        return False
    try:
        return _take(core, request, flow)
    except (SipError, ValueError):
        return False  # not ours to judge: the user agent answers it


def returned(core: Core, response: Response) -> bool:
    """Send a response back, if its request was forwarded (16.7)."""
    values = every(response, "Via")
    if len(values) < 2 or BRANCH not in values[0]:
        return False
    try:
        flow = _unseal(core, parse_via(values[0]).parameter(FLOW) or "", Flow)
    except SipError:
        return False
    if flow is None:
        return False
    headers = _without_first(response.headers, "Via", 1)
    _send(core, flow, msgspec.structs.replace(response, headers=headers))
    return True


def _take(core: Core, request: Request, flow: Flow) -> bool:
    tag = parse_name_addr(first(request, "To") or "").tag or ""
    if request.method == "ACK" and tag.startswith(OUR_TAG):
        return True
    routes = every(request, "Route")
    ours = 0
    while ours < len(routes) and _is_ours(core, routes[ours]):
        ours += 1
    ends = _ends(core, routes[:ours])
    if tag and ends is not None:
        _pass_on(core, request, flow, _along(core, request, ends), ours)
        return True
    if tag and (request.method != "ACK" or _is_in_our_dialog(core, request, tag)):
        return False
    uri = parse_uri(request.uri)
    bindings = _bindings(core, uri)
    if not bindings or core.state.clients.wants(uri.user or ""):
        return False
    refusal = _admit(core, request, flow)
    if refusal is not None:
        _refuse(core, request, flow, refusal)
        return True
    best = bindings[0]
    target = msgspec.structs.replace(request, uri=best.contact)
    _pass_on(core, target, flow, best.flow, ours)
    return True


def _is_in_our_dialog(core: Core, request: Request, tag: str) -> bool:
    """Whether a call of our own has this dialog; an ACK of a failure we forwarded has a tag too."""
    key = dialog_key(first(request, "Call-ID") or "", tag, tag_of(request, "From"))
    return key in core.state.by_dialog


def _bindings(core: Core, uri: Uri) -> list[Binding]:
    """Return where a user is; a sips URI leads over TLS only (RFC 3261 26.4.4)."""
    aor = address_of_record(core, uri)
    found = core.state.location.of(aor, core.now) if aor else []
    return [each for each in found if uri.scheme != "sips" or each.flow.transport in SECURE]


def _admit(core: Core, request: Request, flow: Flow) -> Refusal | None:
    """Let a new request in, its retransmissions and its CANCEL and ACK too."""
    passed, key = core.state.passed, _branch(core, request)
    while passed and next(iter(passed.values())) < core.now:  # the oldest is the first
        del passed[next(iter(passed))]
    if key in passed or request.method in ("ACK", "CANCEL"):
        return None
    refusal = guard(core, request, flow, proxy=True)
    if refusal is None:
        passed[key] = core.now + REMEMBER
    return refusal


def _along(core: Core, request: Request, ends: Ends) -> Flow:
    """Return where the other end is: where it registered last, else where the dialog began."""
    binding = core.state.location.by_contact(request.uri, core.now)
    if binding is not None:
        return binding.flow
    caller = parse_name_addr(first(request, "From") or "").tag == ends.caller_tag
    return ends.called if caller else ends.caller


def _pass_on(core: Core, request: Request, came: Flow, goes: Flow, routes: int) -> None:
    left = first(request, "Max-Forwards")
    hops = 70 if left is None else int(left) - 1
    unknown = every(request, "Proxy-Require")
    if hops < 0 or (unknown and request.method != "CANCEL"):
        asked = (("Unsupported", ", ".join(unknown)),)
        if request.method != "ACK":
            _refuse(core, request, came, Refusal(483) if hops < 0 else Refusal(420, "", asked))
        return
    headers = _without_first(request.headers, "Route", routes)
    if request.method != "ACK" and routes == 0:
        headers = [item for item in headers if item[0].lower() != "proxy-authorization"]
    headers = [item for item in headers if item[0].lower() != "max-forwards"]
    headers.insert(0, ("Max-Forwards", str(hops)))
    if request.method in DIALOGS and routes == 0:
        headers[:0] = _record_routes(core, request, came, goes)
    listener = listener_named(core, goes.listener)
    headers.insert(0, ("Via", _via(core, request, listener, came)))
    _send(core, goes, msgspec.structs.replace(request, headers=headers))


def _record_routes(core: Core, request: Request, came: Flow, goes: Flow) -> list[Header]:
    """Stay in the dialog; with two addresses of ours where it changes from one to the other."""
    tag = parse_name_addr(first(request, "From") or "").tag or ""
    token = _seal(core, Ends(tag, came, goes))
    names = list(dict.fromkeys((goes.listener, came.listener)))
    return [
        ("Record-Route", f"<sip:{token}@{_address(listener_named(core, name))};lr>")
        for name in names
    ]


def _address(listener: Listener) -> str:
    suffix = "" if listener.transport == "udp" else f";transport={listener.transport}"
    return f"{bracketed(listener.host)}:{listener.port}{suffix}"


def _via(core: Core, request: Request, listener: Listener, came: Flow) -> str:
    sent_by = f"{bracketed(listener.host)}:{listener.port}"
    parameters = f"branch={_branch(core, request)};{FLOW}={_seal(core, came)}"
    return f"SIP/2.0/{listener.transport.upper()} {sent_by};{parameters}"


def _branch(core: Core, request: Request) -> str:
    """Return a branch that a retransmission, a CANCEL and the ACK of a refusal have too (16.11)."""
    top = parse_via(first(request, "Via") or "")
    text = f"{top.branch}\n{top.host}:{top.port}\n{first(request, 'Call-ID')}"
    return BRANCH + hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _refuse(core: Core, request: Request, flow: Flow, refusal: Refusal) -> None:
    extra = [("Server", core.state.settings.sip.user_agent), *refusal.headers]
    tag = OUR_TAG + core.entropy.token()
    _send(core, flow, respond(request, refusal.status, refusal.reason, to_tag=tag, headers=extra))


def _send(core: Core, flow: Flow, message: Request | Response) -> None:
    core.effects.append(Send(flow, render(message)))


def _is_ours(core: Core, route: str) -> bool:
    uri = parse_uri(parse_name_addr(route).uri)
    where = (uri.host, uri.port or 5060)
    return any((each.host, each.port) == where for each in core.state.listeners)


def _ends(core: Core, routes: list[str]) -> Ends | None:
    if not routes:
        return None
    return _unseal(core, parse_uri(parse_name_addr(routes[0]).uri).user or "", Ends)


def _without_first(headers: list[Header], name: str, count: int) -> list[Header]:
    """Return the headers without the first values of one; each may hold several."""
    kept: list[Header] = []
    for header, value in headers:
        if header.lower() != name.lower() or count == 0:
            kept.append((header, value))
            continue
        values = split_list(value)
        rest, count = values[count:], max(count - len(values), 0)
        if rest:
            kept.append((header, ", ".join(rest)))
    return kept


def _seal(core: Core, what: Ends | Flow) -> str:
    if not core.state.nonces.key:
        core.state.nonces.key = core.entropy.token(32)
    packed = msgspec.msgpack.encode(what)
    return urlsafe_b64encode(_mac(core, packed) + packed).decode().rstrip("=")


def _unseal(core: Core, token: str, kind: type[T]) -> T | None:
    """Open what we sealed; None for anything else, also for what was sealed as another kind."""
    try:
        sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        packed = sealed[SEAL:]
        if not core.state.nonces.key or not hmac.compare_digest(_mac(core, packed), sealed[:SEAL]):
            return None
        return msgspec.msgpack.decode(packed, type=kind)
    except ValueError:  # msgspec's too
        return None


def _mac(core: Core, packed: bytes) -> bytes:
    key = bytes.fromhex(core.state.nonces.key)
    return hashlib.blake2b(packed, key=key, digest_size=SEAL).digest()
