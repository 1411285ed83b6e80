"""Placing a call: the INVITE, the next target, and what a response to it means.

A 3xx is followed best contact first, depth first, never to a target already tried, and at most
``redirects_left`` times (RFC 3261 8.1.3.4); to other domains than the one dialled only if somebody
said so.  Which challenges are answered is ``credentials``'s business.
"""

import msgspec

from signaling.calls.call import Call, Outgoing
from signaling.calls.describing import our_offer
from signaling.calls.domains import host_of, in_domain
from signaling.calls.leg import open_leg
from signaling.calls.session import ask_session, raise_session
from signaling.calls.states import Cue
from signaling.core import Core
from signaling.credentials import Account, answer
from signaling.dialogs.routing import request_uri
from signaling.sending import (
    ALLOW,
    SUPPORTED,
    WITHOUT_100REL,
    branch,
    contact,
    listener_named,
    locate,
    look_up,
    start,
    via,
    ways,
)
from signaling.sip.errors import SipError
from signaling.sip.flow import Flow
from signaling.sip.headers import parse_name_addr
from signaling.sip.message import Header, Request, Response, every, first
from signaling.sip.uri import parse_uri, scheme_of
from signaling.state import Unresolved

SCHEMES = frozenset({"sip", "sips"})


def aim_at_target(core: Core, call: Call, out: Outgoing) -> str:
    """Find the ways to the current target; return why there are none, or nothing.

    They are known at once for a numeric host, after look-ups for a name.
    """
    try:
        target = parse_uri(out.target)
        hop = parse_uri(parse_name_addr(out.route[0]).uri) if out.route else target
    except SipError as error:
        return str(error)
    if not {target.scheme, hop.scheme} <= SCHEMES:
        return f"scheme {target.scheme!r} of {out.target} is not supported"
    call.secure = target.scheme == "sips"
    if call.secure:
        hop = msgspec.structs.replace(hop, scheme="sips")  # TLS on every hop (RFC 3261 26.2.2)
    out.flow, out.ways = None, []
    search = locate(core, hop)
    if search.questions:
        look_up(core, Unresolved(search=search, call=call.id))
    else:
        take_ways(core, call, ways(core, search))
    return search.reason


def take_ways(core: Core, call: Call, flows: list[Flow]) -> None:
    """Take the flows to the current target, best first."""
    out = call.out
    if out is None or not flows:
        return
    out.flow, out.ways = flows[0], flows[1:]
    listener = listener_named(core, out.flow.listener)
    call.listener = listener.name
    if call.leg.state == "none":
        call.leg.address = listener.bind


def ready(core: Core, call: Call) -> Cue | None:
    """Open the stream once the way is known; READY when both are there, None while not."""
    out = call.out
    if out is None or out.flow is None:
        return None
    if call.leg.state == "none" and not open_leg(core, call, None):
        return Cue.STREAM_REFUSED
    return Cue.READY if is_ready(call) else None


def is_ready(call: Call) -> bool:
    """Whether the INVITE can go: the way is known and the stream has a port."""
    return call.out is not None and call.out.flow is not None and call.leg.state == "open"


def send_elsewhere(core: Core, call: Call) -> None:
    """Send the same INVITE to the next way, with a branch of its own (RFC 3263 4.3)."""
    if call.out is not None and call.out.ways:
        take_ways(core, call, call.out.ways)
        call.out.cseq -= 1
        send_invite(core, call, call.out.credentials)


def send_invite(core: Core, call: Call, credentials: tuple[Header, ...] = ()) -> None:
    """Send the INVITE for the current target (RFC 3261 8.1.1, 13.2.1)."""
    out = call.out
    if out is None or out.flow is None:
        return
    out.cseq += 1
    out.tried.append(out.target)
    listener = listener_named(core, out.flow.listener)
    headers: list[Header] = [
        ("Via", via(listener, branch(core))),
        *(("Route", route) for route in out.route),
        ("Max-Forwards", "70"),
        ("From", f"{call.local};tag={call.local_tag}"),
        ("To", f"<{call.remote_uri}>"),
        ("Call-ID", call.sip_call_id),
        ("CSeq", f"{out.cseq} INVITE"),
        ("Contact", contact(listener, secure=call.secure)),
        ("Allow", ALLOW),
        *_extensions(out),
        ("User-Agent", core.state.settings.sip.user_agent),
        *ask_session(core, call),
        *credentials,
        *out.headers,
        ("Content-Type", "application/sdp"),
    ]
    body = our_offer(core, call)
    uri = request_uri(out.target)
    call.invite = Request(method="INVITE", uri=uri, headers=headers, body=body)
    call.flow = out.flow
    call.invite_key = start(core, call, call.invite, out.flow)


def _extensions(out: Outgoing) -> list[Header]:
    if out.reliable == "off":
        return [("Supported", WITHOUT_100REL)]
    required = [("Require", "100rel")] if out.reliable == "required" else []
    return [("Supported", SUPPORTED), *required]


def take_contacts(out: Outgoing, response: Response) -> None:
    """Queue the targets of a 3xx before those that are left, highest q first.

    Those in another domain than the one dialled are left out, if nobody said that they may be; of a
    call to a sips URI all that are none (RFC 3261 8.1.3.4: to fall back is the caller's decision).
    """
    rated: list[tuple[float, int, str]] = []
    for place, value in enumerate(every(response, "Contact")):
        try:
            contact_value = parse_name_addr(value)
            quality = float(contact_value.parameter("q") or 1.0)
        except (SipError, ValueError):
            continue
        rated.append((-quality, place, contact_value.uri))
    home = [host_of(uri) for uri in out.tried[:1]]
    secure = any(scheme_of(uri) == "sips" for uri in out.tried[:1])
    out.targets[:0] = [
        uri
        for _, _, uri in sorted(rated)
        if uri not in out.tried
        and uri not in out.targets
        and (out.any_domain or in_domain(uri, home))
        and (scheme_of(uri) == "sips" or not secure)
    ]


def may_follow(out: Outgoing) -> bool:
    """Whether there is another target, and the limit is not reached."""
    return bool(out.targets) and out.redirects_left > 0


def may_fail_over(out: Outgoing | None) -> bool:
    """Whether another way leads to the same target (RFC 3263 4.3)."""
    return out is not None and bool(out.ways)


def next_target(out: Outgoing) -> bool:
    """Move on to the next target; False if there is none or the limit is reached."""
    if not may_follow(out):
        return False
    out.target = out.targets.pop(0)
    out.redirects_left -= 1
    return True


def failure_cue(core: Core, call: Call, response: Response) -> Cue:
    """Decide what a final failure of our INVITE is: to be followed, answered, or the end."""
    out = call.out
    if out is None:
        return Cue.FAILURE
    if response.status == 503 and may_fail_over(out):
        return Cue.FAIL_OVER
    if 300 <= response.status < 400:
        take_contacts(out, response)
        return Cue.REDIRECTED if may_follow(out) else Cue.FAILURE
    if raise_session(core, call, response):
        out.attempts, out.credentials = 0, ()
        return Cue.TOO_BRIEF
    if response.status in (401, 407) and call.invite is not None:
        account = Account(out.user, out.password)
        credentials = answer(core, response, call.invite, account, out.attempts)
        if credentials:
            out.attempts += 1
            out.credentials = credentials
            return Cue.CHALLENGED
    return Cue.FAILURE


def user_of(uri_text: str) -> str:
    """Return the user part of a URI, empty if it has none or is none."""
    try:
        return parse_uri(uri_text).user or ""
    except SipError:
        return ""


def to_tag(message: Request | Response) -> str:
    """Return the To tag, empty if there is none."""
    value = first(message, "To")
    return parse_name_addr(value).tag or "" if value else ""
