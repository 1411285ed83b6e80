"""Responses to our requests, and requests that got none (RFC 3261 section 8.1.3)."""

from signaling.calls.acts import settle, step, step_or_settle
from signaling.calls.call import Call
from signaling.calls.dialling import failure_cue, may_follow, to_tag
from signaling.calls.states import Cue, State
from signaling.calls.verdicts import Happening
from signaling.core import Core
from signaling.sdp.errors import NegotiationError
from signaling.sdp.offer_answer import accept_answer, withdraw_offer
from signaling.sip.message import Response

UNANSWERED = {"timeout": Cue.TIMEOUT, "transport": Cue.TRANSPORT}


def take_response(core: Core, key: str, response: Response) -> None:
    """Hand a response to the call whose request it answers."""
    call = _call_of(core, key)
    if call is None:
        return
    if key == call.bye_key:
        _bye_answered(core, call, response)
    elif key == call.invite_key or (call.out and key in call.transactions and _is_invite(key)):
        _invite_answered(core, call, key, response)


def request_failed(core: Core, key: str, why: str) -> None:
    """Nobody answered a request of ours, or it could not be sent."""
    call = _call_of(core, key)
    if call is None:
        return
    if key == call.bye_key:
        call.bye_key = ""
        settle(core, call)
    elif key == call.invite_key:
        call.invite_key = ""
        cue = UNANSWERED[why]
        if call.out and may_follow(call.out):
            cue = Cue.REDIRECTED  # the next contact of the 3xx may be alive
        step_or_settle(core, call, cue, Happening(status=408 if why == "timeout" else 503))


def _invite_answered(core: Core, call: Call, key: str, response: Response) -> None:
    happening = Happening(status=response.status, reason=response.reason, response=response)
    if response.status < 200:
        step(core, call, Cue.PROVISIONAL, happening)
    elif response.status < 300:
        _accepted(core, call, response, happening)
    elif key == call.invite_key:
        call.invite_key = ""
        withdraw_offer(call.negotiation)
        step_or_settle(core, call, failure_cue(core, call, response), happening)


def _accepted(core: Core, call: Call, response: Response, happening: Happening) -> None:
    call.invite_key = ""
    if call.dialog is not None:
        same = call.dialog.remote_tag == to_tag(response)
        step(core, call, Cue.SUCCESS if same else Cue.FORK, happening)
        return
    wanted = call.state in (State.CALLING, State.RINGING)
    try:
        agreed = accept_answer(call.negotiation, response.body)
    except NegotiationError as error:
        unusable = Happening(status=488, reason=str(error), response=response)
        step(core, call, Cue.UNUSABLE, unusable)
        return
    if wanted:
        call.agreed = agreed
    step(core, call, Cue.SUCCESS, happening)


def _bye_answered(core: Core, call: Call, response: Response) -> None:
    if response.status >= 200:
        call.bye_key = ""
        settle(core, call)


def _is_invite(key: str) -> bool:
    return key.endswith("INVITE")


def _call_of(core: Core, key: str) -> Call | None:
    found = core.state.by_transaction.get(key)
    return core.state.calls.get(found) if found is not None else None
