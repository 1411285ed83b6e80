"""PRACK from the peer, and none (RFC 3262 3): the next response, the held-back 2xx, or the end."""

from signaling.calls.acts import step
from signaling.calls.call import Call
from signaling.calls.describing import our_answer
from signaling.calls.leg import aim_leg
from signaling.calls.responses import answer
from signaling.calls.ringing import transmit
from signaling.calls.states import Cue, State
from signaling.core import Core
from signaling.dialogs import reliable
from signaling.sdp.errors import GlareError, NegotiationError, NotAcceptableError
from signaling.sdp.offer_answer import accept_answer
from signaling.sip.errors import ParseError
from signaling.sip.headers import RAck, parse_cseq, parse_rack
from signaling.sip.message import Request, first


def prack_received(core: Core, call: Call, key: str, request: Request) -> None:
    """Answer a PRACK: 481 if it acknowledges nothing, its offer or answer like any other."""
    try:
        rack = parse_rack(first(request, "RAck") or "")
    except ParseError as error:
        answer(core, call, error.status, error.reason, key=key, request=request)
        return
    if not _is_awaited(call, rack):
        answer(core, call, 481, "", key=key, request=request)
        return
    try:
        body = _exchange(core, call, request)
    except GlareError:
        answer(core, call, 491, "", key=key, request=request)
    except NegotiationError as error:
        answer(core, call, error.status, "", key=key, request=request)
    else:
        answer(core, call, 200, "", body=body, key=key, request=request)
        _go_on(core, call)


def due(core: Core, call: Call) -> None:
    """Send the response under way again, or reject the INVITE when nobody acknowledges it."""
    again = reliable.due(call.provisionals, now=core.now)
    if again is None:
        step(core, call, Cue.PRACK_MISSING)
    else:
        transmit(core, call, [again])


def _is_awaited(call: Call, rack: RAck) -> bool:
    if call.invite is None or call.out is not None:
        return False
    number = parse_cseq(first(call.invite, "CSeq") or "").number
    return reliable.acknowledges(call.provisionals, rack, number)


def _exchange(core: Core, call: Call, request: Request) -> bytes:
    """Take the answer to our offer, or answer an offer (RFC 3262 5)."""
    if call.negotiation.open:
        if not request.body:
            raise NotAcceptableError("a PRACK without an answer to our offer")
        call.agreed, body = accept_answer(call.negotiation, request.body), b""
    elif request.body:
        body, call.agreed = our_answer(core, call, request.body)
    else:
        return b""
    aim_leg(core, call)
    return body


def _go_on(core: Core, call: Call) -> None:
    t1 = core.state.transactions.t1
    transmit(core, call, reliable.following(call.provisionals, now=core.now, t1=t1))
    held_back = call.state is State.OPENING and call.leg.state == "open"
    if held_back and not reliable.holds_back_2xx(call.provisionals):
        step(core, call, Cue.STREAM_OPENED)
