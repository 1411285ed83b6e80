"""Responses within the dialog of a call."""

from collections.abc import Sequence

from signaling.calls.call import Call
from signaling.core import Core
from signaling.sending import ALLOW, our_contact, supported
from signaling.sip.message import Header, Request, Response
from signaling.sip.render import respond

REFRESHING = ("INVITE", "UPDATE")


def answer(
    core: Core,
    call: Call,
    status: int,
    reason: str,
    *,
    headers: Sequence[Header] = (),
    body: bytes = b"",
    key: str = "",
    request: Request | None = None,
) -> None:
    """Send a response to the call's INVITE, or to another request in its dialog."""
    request = request or call.invite
    if request is not None:
        response = make_response(core, call, request, status, reason, headers=headers, body=body)
        core.take(core.state.transactions.respond(key or call.invite_key, response, core.now))


def make_response(
    core: Core,
    call: Call,
    request: Request,
    status: int,
    reason: str = "",
    *,
    headers: Sequence[Header] = (),
    body: bytes = b"",
) -> Response:
    """Make a response with what the method and the status ask for (RFC 3261 13.3.1, 20)."""
    extra: list[Header] = [("Server", core.state.settings.sip.user_agent), *headers]
    if request.method in REFRESHING and 100 < status < 300:
        extra += [("Contact", our_contact(core, call)), ("Allow", ALLOW)]
        extra.append(("Supported", supported(core)))
    return respond(
        request,
        status,
        reason,
        to_tag=call.local_tag,
        headers=extra,
        body=body,
        content_type="application/sdp" if body else "",
    )


def again_soon(core: Core) -> Header:
    """Ask for another try within ten seconds (RFC 3261 14.2, RFC 3311 5.2)."""
    return ("Retry-After", str(int(core.entropy.fraction() * 11)))
