"""An UPDATE from the peer (RFC 3311): an offer outside of any INVITE, or a refresh without one.

While an offer of ours is open its own is glare (491); while its own in the INVITE is unanswered it
has to wait (500 with Retry-After; RFC 3311 5.2).  A refused one changes nothing.
"""

from signaling.calls.call import Call
from signaling.calls.describing import our_answer
from signaling.calls.leg import aim_leg
from signaling.calls.media import change_media
from signaling.calls.responses import answer
from signaling.calls.session import grant_session, refuse_brief
from signaling.calls.states import State
from signaling.core import Core
from signaling.dialogs.dialog import update_target
from signaling.sdp.errors import GlareError, NegotiationError
from signaling.sip.message import Header, Request

OVER = (State.CLOSING, State.LEAVING)


def retry_after(core: Core) -> Header:
    """Ask for another try within ten seconds (RFC 3261 14.2, RFC 3311 5.2)."""
    return ("Retry-After", str(int(core.entropy.fraction() * 11)))


def updated(core: Core, call: Call, key: str, request: Request) -> None:
    """Answer an UPDATE."""
    status, headers, body = 200, list[Header](), b""
    if call.dialog is None or call.state in OVER:
        status = 481
    elif brief := refuse_brief(core, request):
        status, headers = 422, brief
    elif request.body:
        try:
            body = _answer(core, call, request.body)
        except GlareError:
            status = 491
        except NegotiationError as error:
            status = error.status
        if status == 200 and not body:
            status, headers = 500, [retry_after(core)]
    if status == 200 and call.dialog is not None:
        update_target(call.dialog, request)
        headers = grant_session(core, call, request)
    answer(core, call, status, "", headers=tuple(headers), body=body, key=key, request=request)


def _answer(core: Core, call: Call, offer: bytes) -> bytes:
    """Answer an offer; empty: not before that in the INVITE has its answer."""
    if call.negotiation.local is None and not call.negotiation.open:
        return b""
    body, agreed = our_answer(core, call, offer)
    if call.state is State.UP:
        change_media(core, call, agreed)
    else:
        call.agreed = agreed
        aim_leg(core, call)
    return body
