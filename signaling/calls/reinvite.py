"""A re-INVITE from the peer (RFC 3261 14.2): new directions, addresses or codecs in a running call.

A refused one changes nothing, and one that crosses ours is refused (491).  Its 200 is repeated
until the ACK; without an ACK the call ends (RFC 3261 13.3.1.4).
"""

from signaling.calls.acts import settle, step
from signaling.calls.call import Call, Purpose
from signaling.calls.describing import our_answer, our_offer
from signaling.calls.media import change_media
from signaling.calls.offering import go_on
from signaling.calls.requests import pending, release
from signaling.calls.responses import again_soon, answer
from signaling.calls.session import grant_session, refuse_brief
from signaling.calls.states import Cue, State
from signaling.core import Core
from signaling.sdp.errors import NegotiationError
from signaling.sdp.offer_answer import accept_answer
from signaling.sip.message import Header, Request


def reinvited(core: Core, call: Call, key: str, request: Request) -> bool:
    """Answer a re-INVITE; True if it was accepted."""
    status, headers, body = _judge(core, call, request)
    if status == 200:
        call.reinvite_key, call.offered_in_2xx = key, not request.body
        core.state.by_transaction[key] = call.id
        call.transactions.append(key)
        headers = grant_session(core, call, request)
    answer(core, call, status, "", headers=headers, body=body, key=key, request=request)
    return status == 200


def _judge(core: Core, call: Call, request: Request) -> tuple[int, list[Header], bytes]:
    """Return the status, header fields and body to answer with (RFC 3261 14.2, RFC 4028 9)."""
    if call.state is not State.UP or call.reinvite_key:  # the first one has no ACK yet
        return 500, [again_soon(core)], b""
    if pending(call, Purpose.OFFER):
        return 491, [], b""
    if brief := refuse_brief(core, request):
        return 422, brief, b""
    try:
        return 200, [], _answer(core, call, request)
    except NegotiationError as error:
        return error.status, [], b""


def acknowledged(core: Core, call: Call, ack: Request) -> None:
    """Take the ACK, with the answer in it if the offer was ours (RFC 3264, RFC 3261 13.2.1)."""
    release(core, call, call.reinvite_key)
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
