"""Provisional responses to an INVITE we are offered: ringing, early media, reliability.

A description is said once before the 2xx: the answer to the INVITE's offer, or, in a reliable
response only, our offer, whose answer comes in the PRACK (RFC 3262 5).  The 2xx says the same
answer again, with the same version; nothing where an UPDATE has changed it since, or where ours was
the offer.
"""

from bus.calls import Ok
from bus.errors import RefusedError
from signaling.calls.call import Call, Ringing
from signaling.calls.describing import our_answer, our_offer
from signaling.calls.responses import answer, make_response
from signaling.core import Core
from signaling.dialogs import reliable
from signaling.sdp.render import render_sdp
from signaling.sip.message import Request, Response, every

TIMER = "prack"


def lists(request: Request, header: str, tag: str) -> bool:
    """Whether a Require or Supported has an option tag."""
    return any(value.lower() == tag for value in every(request, header))


def is_reliable(core: Core, call: Call, *, described: bool) -> bool:
    """Whether a provisional response is sent reliably, with or without a description."""
    if call.invite is None:
        return False
    if lists(call.invite, "Require", "100rel"):
        return True
    wish = core.state.settings.sip.reliable
    wanted = wish == "always" or (described and wish == "with_media")
    return wanted and lists(call.invite, "Supported", "100rel")


def ring(core: Core, call: Call, ringing: Ringing) -> None:
    """Send a provisional response without a description."""
    _send(core, call, ringing, b"", reliably=is_reliable(core, call, described=False))


def ring_with_media(core: Core, call: Call) -> None:
    """Send the one that waited for the stream, with our description; answer its command."""
    ringing, call.ringing = call.ringing, None
    if ringing is None or call.invite is None:
        return
    reliably = is_reliable(core, call, described=True)
    body = call.described if not reliably else b""
    if not call.described:
        body = call.described = _describe(core, call, call.invite)
    _send(core, call, ringing, body, reliably=reliably)
    core.reply(ringing.waiting, Ok())


def describe_finally(core: Core, call: Call) -> bytes:
    """Return the description of the 2xx."""
    if call.invite is None:
        return b""
    if not call.described:
        return _describe(core, call, call.invite)
    local = call.negotiation.local
    same = local is not None and render_sdp(local) == call.described
    return call.described if call.invite.body and same else b""


def cease(core: Core, call: Call, reply: Ok | RefusedError) -> None:
    """Send no provisional response any more: the final one goes out."""
    reliable.stop(call.provisionals)
    call.timers.pop(TIMER, None)
    if call.ringing is not None:
        core.reply(call.ringing.waiting, reply)
        call.ringing = None


def transmit(core: Core, call: Call, responses: list[Response]) -> None:
    """Send reliable responses and look for their PRACK."""
    for response in responses:
        core.take(core.state.transactions.respond(call.invite_key, response, core.now))
    deadline = call.provisionals.deadline
    if deadline is None:
        call.timers.pop(TIMER, None)
    else:
        core.set_timer(call, TIMER, deadline - core.now)


def _describe(core: Core, call: Call, invite: Request) -> bytes:
    if not invite.body:
        return our_offer(core, call)
    body, call.agreed = our_answer(core, call, invite.body)
    return body


def _send(core: Core, call: Call, ringing: Ringing, body: bytes, *, reliably: bool) -> None:
    status, reason, headers = ringing.status, ringing.reason, ringing.headers
    if not reliably or call.invite is None:
        answer(core, call, status, reason, headers=headers, body=body)
        return
    response = make_response(core, call, call.invite, status, reason, headers=headers, body=body)
    fraction = core.entropy.fraction()
    t1 = core.state.transactions.t1
    transmit(
        core,
        call,
        reliable.submit(call.provisionals, response, now=core.now, t1=t1, fraction=fraction),
    )
