"""A re-INVITE from the peer (RFC 3261 14.2): new directions, addresses or codecs in a running call.

A refused one changes nothing.  Its 200 is repeated until the ACK; without an ACK the call ends
(RFC 3261 13.3.1.4).
"""

from signaling.calls.acts import settle, step
from signaling.calls.call import Call
from signaling.calls.describing import our_answer, our_offer
from signaling.calls.media import change_media
from signaling.calls.offering import go_on
from signaling.calls.responses import answer
from signaling.calls.session import grant_session, refuse_brief
from signaling.calls.states import Cue, State
from signaling.core import Core
from signaling.sdp.errors import GlareError, NegotiationError
from signaling.sdp.offer_answer import accept_answer
from signaling.sip.message import Request


def reinvited(core: Core, call: Call, key: str, request: Request) -> bool:
    """Answer a re-INVITE; True if it was accepted."""
    if call.state is not State.UP or call.reinvite_key:
        # A second INVITE while the first has no ACK yet (RFC 3261 14.2).
        wait = str(int(core.entropy.fraction() * 10))
        headers = (("Retry-After", wait),)
        answer(core, call, 500, "", headers=headers, key=key, request=request)
        return False
    if brief := refuse_brief(core, request):
        answer(core, call, 422, "", headers=tuple(brief), key=key, request=request)
        return False
    try:
        body = _answer(core, call, request)
    except GlareError:
        answer(core, call, 491, "", key=key, request=request)
    except NegotiationError as error:
        answer(core, call, error.status, "", key=key, request=request)
    else:
        call.reinvite_key, call.offered_in_2xx = key, not request.body
        granted = tuple(grant_session(core, call, request))
        answer(core, call, 200, "", headers=granted, body=body, key=key, request=request)
        return True
    return False


def acknowledged(core: Core, call: Call, ack: Request) -> None:
    """Take the ACK, with the answer in it if the offer was ours (RFC 3264, RFC 3261 13.2.1)."""
    call.reinvite_key = ""
    if call.offered_in_2xx and call.state is State.UP:
        _take_answer(core, call, ack)
    go_on(core, call)
    settle(core, call)


def _take_answer(core: Core, call: Call, ack: Request) -> None:
    call.offered_in_2xx = False
    try:
        change_media(core, call, accept_answer(call.negotiation, ack.body))
    except NegotiationError as error:
        core.log("warning", f"{call.id}: the answer in the ACK is unusable: {error}")
        step(core, call, Cue.ACK_UNUSABLE)


def _answer(core: Core, call: Call, request: Request) -> bytes:
    if not request.body:
        return our_offer(core, call)
    body, agreed = our_answer(core, call, request.body)
    change_media(core, call, agreed)
    return body
