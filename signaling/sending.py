"""Requests on their way out: Via, Contact, next hop, name look-up, client transaction."""

from functools import lru_cache

import msgspec

from signaling.calls.call import Call
from signaling.core import Core
from signaling.dialogs.dialog import Dialog
from signaling.dialogs.routing import first_hop, is_loose
from signaling.effects import Resolve, Send
from signaling.locating import Offer, Search, Target, begin
from signaling.sip.errors import LocalError, SipError
from signaling.sip.flow import Flow
from signaling.sip.headers import parse_name_addr
from signaling.sip.message import Request, first
from signaling.sip.render import render
from signaling.sip.uri import Uri, bracketed, parse_uri
from signaling.state import Listener, Outside, Unresolved
from signaling.transactions.otherwise import keep_way

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, INFO, UPDATE, REFER, NOTIFY"
"""Methods that are built; what is not here is answered 405."""

SUPPORTED = "100rel, replaces, norefersub, tdialog, timer"
"""Extensions that are built; what a peer requires and is not here is answered 420."""

WITHOUT_100REL = SUPPORTED.replace("100rel, ", "")

ACCEPT = (
    "application/sdp, multipart/mixed, application/dtmf, application/dtmf-relay, message/sipfrag"
)
"""Bodies that are read; what is not here is answered 415."""

LARGEST_DATAGRAM = 1300
"""Bytes; a longer request to a UDP target goes over TCP, if it can (RFC 3261 18.1.1)."""


def supported(core: Core) -> str:
    """Return the extensions that a caller may make use of."""
    return WITHOUT_100REL if core.state.settings.sip.reliable == "never" else SUPPORTED


def extensions(core: Core) -> frozenset[str]:
    """Return them as a set."""
    return _tags(supported(core))


@lru_cache(maxsize=4)
def _tags(text: str) -> frozenset[str]:
    return frozenset(text.split(", "))


def listener_named(core: Core, name: str) -> Listener:
    """Return a listener by the name that flows carry."""
    for listener in core.state.listeners:
        if listener.name == name:
            return listener
    raise LookupError(name)


def listener_for(core: Core, transport: str) -> Listener | None:
    """Return the first listener of a transport, None if there is none."""
    found = (item for item in core.state.listeners if item.transport == transport)
    return next(found, None)


def branch(core: Core) -> str:
    """Return a new branch (RFC 3261 8.1.1.7)."""
    return f"z9hG4bK{core.entropy.token(12)}"


def via(listener: Listener, branch_id: str) -> str:
    """Return the value of our Via; rport asks for the source port back (RFC 3581)."""
    return f"{_via_head(listener)}{branch_id};rport"


@lru_cache(maxsize=64)
def _via_head(listener: Listener) -> str:
    sent_by = f"{bracketed(listener.host)}:{listener.port}"
    return f"SIP/2.0/{listener.transport.upper()} {sent_by};branch="


@lru_cache(maxsize=64)
def contact(listener: Listener, user: str = "offhook", *, secure: bool = False) -> str:
    """Return the value of our Contact at a listener; ``secure`` makes it a sips URI (8.1.1.8)."""
    place = f"{user}@{bracketed(listener.host)}:{listener.port}"
    match listener.transport:
        case "udp":
            suffix = ""
        case "ws" | "wss":
            suffix = ";transport=ws"  # TLS or not is in the scheme (RFC 7118 5.2)
        case transport:
            suffix = f";transport={transport}"
    if secure and listener.secure:
        return f"<sips:{place}{suffix.removesuffix(';transport=tls')}>"
    return f"<sip:{place}{suffix}>"


def our_contact(core: Core, call: Call) -> str:
    """Return the value of our Contact in a call."""
    return contact(listener_named(core, call.listener), secure=call.secure)


# --------------------------------------------------------------------------------- the way


def locate(core: Core, uri: Uri, *, transport: str = "") -> Search:
    """Begin to find where a URI leads; ``transport`` is taken where the URI names none."""
    named = uri.parameter("transport") or transport
    return begin(uri.host, uri.port, named, uri.scheme == "sips", _offers(core.state.listeners))


@lru_cache(maxsize=64)
def _offers(listeners: tuple[Listener, ...]) -> tuple[Offer, ...]:
    return tuple(Offer(each.transport, each.six) for each in listeners)


def look_up(core: Core, what: Unresolved, token: str = "") -> str:
    """Ask the questions of a search; ``agent`` goes on when the answers are there."""
    token = token or core.entropy.token()
    core.state.unresolved[token] = what
    core.effects.append(Resolve(token, tuple(what.search.questions)))
    return token


def ways(core: Core, search: Search, last: Flow | None = None) -> list[Flow]:
    """Return the flows to the targets that were found, best first.

    ``last`` is where the peer was last heard: its listener and its connection are used again.
    """
    flows: list[Flow] = []
    for target in search.targets:
        same = last if last is not None and last.transport == target.transport else None
        listener = listener_named(core, same.listener) if same is not None else None
        if listener is None or listener.six is not (":" in target.address):
            listener = _listener_to(core, target)
        if listener is not None:
            connection = same.connection if same is not None else ""
            address, port = target.address, target.port
            flows.append(Flow(listener.name, address, port, connection, target.domain))
    return flows


def _listener_to(core: Core, target: Target) -> Listener | None:
    six = ":" in target.address
    found = (
        each
        for each in core.state.listeners
        if each.transport == target.transport and each.six is six
    )
    return next(found, None)


def _flow_to(core: Core, call: Call, dialog: Dialog, request: Request) -> Flow | str:
    """Return where a request goes, or the token of the look-up that will say it."""
    last = call.flow or Flow(call.listener, "", 0)
    try:
        hop = first_hop(dialog.remote_target, dialog.route_set)
    except SipError:
        return last
    # Who came over a connection and names no transport is found at its other end.
    search = locate(core, hop, transport=last.transport if last.connection else "")
    if last.transport == "wss" and not search.targets:
        search = locate(core, msgspec.structs.replace(hop, scheme="sips"))
    if search.questions:
        return look_up(core, Unresolved(search=search, call=call.id, request=request))
    return next(iter(ways(core, search, last)), last)


# ------------------------------------------------------------------------------- sending


def send_request(core: Core, call: Call, dialog: Dialog, request: Request) -> str:
    """Send a request within a dialog through its transaction; return the transaction's key.

    ACK has no transaction and no key.  A next hop with a name waits for the look-up, whose token is
    then returned.
    """
    flow = _flow_to(core, call, dialog, request)
    if isinstance(flow, str):
        return flow
    return start(core, call, request, flow)


def send_outside(core: Core, outside: Outside, target: str) -> None:
    """Send a request that belongs to no call, to the first of its Routes or else to a URI.

    With ``sip.proxy`` that proxy is the first Route.

    Its final response, time-out (408) or failure (503) comes to ``signaling.uac.OUTSIDE``.  Raises
    ``LocalError`` if there is no way at all.
    """
    proxy = core.state.settings.sip.proxy
    if proxy and first(outside.request, "Route") is None:
        outside.request.headers.append(("Route", route_to(proxy)))
    route = first(outside.request, "Route")
    search = locate(core, parse_uri(parse_name_addr(route).uri if route else target))
    if search.reason:
        raise LocalError(f"{target}: {search.reason}")
    if search.questions:
        look_up(core, Unresolved(search=search, outside=outside))
    else:
        start_outside(core, outside, ways(core, search))


def start_outside(core: Core, outside: Outside, flows: list[Flow]) -> None:
    """Put a request that belongs to no call on the first of its ways."""
    outside.flow, outside.ways = flows[0], flows[1:]
    core.state.outside[_begin(core, outside.request, flows[0])] = outside


def go_elsewhere(core: Core, outside: Outside) -> bool:
    """Send a request again, to its next target (RFC 3263 4.3); False if there is none."""
    if not outside.ways:
        return False
    stamp(core, outside.request, outside.ways[0], fresh=True)
    start_outside(core, outside, outside.ways)
    return True


def start(core: Core, call: Call, request: Request, flow: Flow) -> str:
    """Put a request of a call on a known path."""
    if request.method == "ACK":
        stamp(core, request, flow)
        core.effects.append(Send(flow, render(request)))
        return ""
    key = _begin(core, request, flow)
    core.state.by_transaction[key] = call.id
    call.transactions.append(key)
    return key


def stamp(core: Core, request: Request, flow: Flow, *, fresh: bool = False) -> None:
    """Let our Via name the listener that a request leaves by, with its branch or a new one."""
    listener = listener_named(core, flow.listener)
    for place, (name, value) in enumerate(request.headers):
        if name == "Via":
            if not fresh and value.startswith(_via_head(listener)):
                return
            kept = value.partition(";branch=")[2].partition(";")[0]
            request.headers[place] = ("Via", via(listener, branch(core) if fresh else kept))
            return


def route_to(proxy: str) -> str:
    """Return the Route that leads through a proxy, which is a loose router."""
    return f"<{proxy}>" if is_loose(f"<{proxy}>") else f"<{proxy};lr>"


def _begin(core: Core, request: Request, flow: Flow) -> str:
    """Begin a client transaction; report what it sends; return its key."""
    transactions = core.state.transactions
    if request.method == "CANCEL":
        flow = transactions.way_of_invite(request) or flow
    stamp(core, request, flow)
    datagram, otherwise = render(request), None
    if not flow.reliable and len(datagram) > LARGEST_DATAGRAM:
        reliable = _over_tcp(core, flow)
        if reliable is not None:
            otherwise, flow = keep_way(request, flow, datagram), reliable
            stamp(core, request, flow)
            datagram = render(request)
    key, outs = transactions.client_request(request, flow, core.now, datagram, otherwise)
    core.take(outs)
    return key


def _over_tcp(core: Core, flow: Flow) -> Flow | None:
    listener = _listener_to(core, Target("tcp", flow.host, flow.port))
    return Flow(listener.name, flow.host, flow.port) if listener is not None else None
