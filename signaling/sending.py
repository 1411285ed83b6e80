"""Requests on their way out: Via, Contact, next hop, name look-up, client transaction."""

import ipaddress

from signaling.calls.call import Call
from signaling.core import Core
from signaling.dialogs.dialog import Dialog
from signaling.dialogs.routing import first_hop
from signaling.effects import Resolve, Send
from signaling.sip.errors import SipError
from signaling.sip.flow import Flow
from signaling.sip.message import Request
from signaling.sip.render import render
from signaling.sip.uri import bracketed
from signaling.state import Listener, Unresolved

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

    ACK has no transaction and no key.  A next hop with a name waits for the look-up.
    """
    flow = _flow_to(core, call, dialog, request)
    if flow is None:
        return ""
    return start(core, call, request, flow)


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


def look_up(core: Core, what: Unresolved) -> None:
    """Ask for the addresses of a name; ``agent`` goes on when they are there."""
    token = core.entropy.token()
    core.state.unresolved[token] = what
    core.effects.append(Resolve(token, what.host))


def _flow_to(core: Core, call: Call, dialog: Dialog, request: Request) -> Flow | None:
    try:
        hop = first_hop(dialog.remote_target, dialog.route_set)
    except SipError:
        return call.flow
    transport = (hop.parameter("transport") or "udp").lower()
    last = call.flow
    if last is not None and last.transport == transport == "tcp":
        return last
    listener = listener_for(core, transport) or listener_named(core, call.listener)
    if last is not None and last.transport == listener.transport:
        listener = listener_named(core, last.listener)
    port = hop.port or SIP_PORT
    if is_literal(hop.host):
        return Flow(listener.name, hop.host.strip("[]"), port)
    if name_problem(hop.host):
        return call.flow
    look_up(core, Unresolved(call.id, hop.host, port, listener.name, request))
    return None
