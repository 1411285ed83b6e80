"""An UPDATE from the peer (RFC 3311): an offer outside of any INVITE, or a refresh without one.

While an offer of ours is open its own is glare (491); while its own in the INVITE is unanswered it
has to wait (500 with Retry-After; RFC 3311 5.2).  A refused one changes nothing.
"""

from signaling.calls.call import Call
from signaling.calls.describing import our_answer
from signaling.calls.leg import aim_leg
from signaling.calls.media import change_media
from signaling.calls.responses import again_soon, answer
from signaling.calls.session import grant_session, refuse_brief
from signaling.calls.states import State
from signaling.core import Core
from signaling.dialogs.dialog import update_target
from signaling.sdp.errors import NegotiationError
from signaling.sip.message import Header, Request

OVER = (State.CLOSING, State.LEAVING)


def updated(core: Core, call: Call, key: str, request: Request) -> None:
    """Answer an UPDATE."""
    status, headers, body = _judge(core, call, request)
    if status == 200 and call.dialog is not None:
        update_target(call.dialog, request)
        headers = grant_session(core, call, request)
    answer(core, call, status, "", headers=headers, body=body, key=key, request=request)


def _judge(core: Core, call: Call, request: Request) -> tuple[int, list[Header], bytes]:
    """Return the status, header fields and body to answer with."""
    if call.dialog is None or call.state in OVER:
        return 481, [], b""
    if brief := refuse_brief(core, request):
        return 422, brief, b""
    if not request.body:
        return 200, [], b""
    if call.negotiation.local is None and not call.negotiation.open:
        return 500, [again_soon(core)], b""
    try:
        return 200, [], _answer(core, call, request.body)
    except NegotiationError as error:  # glare too
        return error.status, [], b""


def _answer(core: Core, call: Call, offer: bytes) -> bytes:
    """Answer an offer; before the call is up its owner need not know."""
    body, agreed = our_answer(core, call, offer)
    if call.state is State.UP:
        change_media(core, call, agreed)
    else:
        call.agreed = agreed
        aim_leg(core, call)
    return body
