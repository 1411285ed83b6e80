"""Requests on their way out: Via, Contact, next hop, name look-up, client transaction."""

import ipaddress

from bus.ids import CallId
from signaling.calls.call import Call
from signaling.core import Core
from signaling.dialogs.dialog import Dialog
from signaling.dialogs.routing import first_hop
from signaling.effects import Resolve, Send
from signaling.sip.errors import LocalError, SipError
from signaling.sip.flow import Flow
from signaling.sip.message import Request
from signaling.sip.render import render
from signaling.sip.uri import bracketed, parse_uri
from signaling.state import Listener, Outside, Unresolved

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS"
"""Methods that are built; what is not here is answered 405."""

SIP_PORT = 5060

LONGEST_NAME, LONGEST_LABEL = 253, 63


def listener_named(core: Core, name: str) -> Listener:
    """Return a listener by the name that flows carry."""
    return next(item for item in core.state.listeners if item.name == name)


def listener_for(core: Core, transport: str) -> Listener | None:
    """Return the first listener of a transport, None if there is none."""
    found = (item for item in core.state.listeners if item.transport == transport)
    return next(found, None)


def branch(core: Core) -> str:
    """Return a new branch (RFC 3261 8.1.1.7)."""
    return f"z9hG4bK{core.entropy.token(12)}"


def via(listener: Listener, branch_id: str) -> str:
    """Return the value of our Via; rport asks for the source port back (RFC 3581)."""
    sent_by = f"{bracketed(listener.host)}:{listener.port}"
    return f"SIP/2.0/{listener.transport.upper()} {sent_by};branch={branch_id};rport"


def contact(listener: Listener, user: str = "offhook") -> str:
    """Return the value of our Contact at a listener."""
    suffix = "" if listener.transport == "udp" else f";transport={listener.transport}"
    return f"<sip:{user}@{bracketed(listener.host)}:{listener.port}{suffix}>"


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
    """Send a request that belongs to no call, to a URI or the first of its Routes.

    Its final response, time-out (408) or failure (503) comes to ``signaling.uac.OUTSIDE``.
    """
    uri = parse_uri(target)
    transport = (uri.parameter("transport") or "udp").lower()
    listener = listener_for(core, transport)
    if listener is None:
        raise LocalError(f"no {transport} listener for {target}")
    host, port = uri.host.strip("[]"), uri.port or SIP_PORT
    if is_literal(host):
        start_outside(core, outside, Flow(listener.name, host, port))
    elif problem := name_problem(host):
        raise LocalError(problem)
    else:
        look_up(core, Unresolved(CallId(""), host, port, listener.name, None, outside))


def start_outside(core: Core, outside: Outside, flow: Flow) -> None:
    """Put a request that belongs to no call on a known path."""
    key, outs = core.state.transactions.client_request(outside.request, flow, core.now)
    core.state.outside[key] = outside
    core.take(outs)


def start(core: Core, call: Call, request: Request, flow: Flow) -> str:
    """Put a request on a known path."""
    if request.method == "ACK":
        core.effects.append(Send(flow, render(request)))
        return ""
    key, outs = core.state.transactions.client_request(request, flow, core.now)
    core.state.by_transaction[key] = call.id
    call.transactions.append(key)
    core.take(outs)
    return key


def is_literal(host: str) -> bool:
    """Whether a host is an IP address."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def name_problem(host: str) -> str:
    """Say why a host name cannot be looked up, nothing if it can (RFC 1035 2.3.4)."""
    labels = host.removesuffix(".").split(".")
    if len(host) > LONGEST_NAME or any(not 0 < len(label) <= LONGEST_LABEL for label in labels):
        return f"{host[:LONGEST_LABEL]!r} is not a host name"
    return ""


def look_up(core: Core, what: Unresolved) -> str:
    """Ask for the addresses of a name; ``agent`` goes on when they are there."""
    token = core.entropy.token()
    core.state.unresolved[token] = what
    core.effects.append(Resolve(token, what.host))
    return token


def _flow_to(core: Core, call: Call, dialog: Dialog, request: Request) -> Flow | str:
    """Return where a request goes, or the token of the look-up that will say it."""
    last = call.flow or Flow(call.listener, "", 0)
    try:
        hop = first_hop(dialog.remote_target, dialog.route_set)
    except SipError:
        return last
    transport = (hop.parameter("transport") or "udp").lower()
    if last.transport == transport == "tcp":
        return last
    listener = listener_for(core, transport) or listener_named(core, call.listener)
    if last.transport == listener.transport:
        listener = listener_named(core, last.listener)
    port = hop.port or SIP_PORT
    if is_literal(hop.host):
        return Flow(listener.name, hop.host.strip("[]"), port)
    if name_problem(hop.host):
        return last
    return look_up(core, Unresolved(call.id, hop.host, port, listener.name, request))
