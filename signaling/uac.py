"""Responses to our requests, and requests that got none (RFC 3261 section 8.1.3)."""

from collections.abc import Callable

from signaling import registering
from signaling.calls import (
    forks,
    notified,
    notifying,
    offering,
    provisional,
    refreshing,
    transferee,
)
from signaling.calls.acts import settle, step, step_or_settle
from signaling.calls.call import Call, Purpose, Sent
from signaling.calls.dialling import failure_cue, may_fail_over, may_follow, to_tag
from signaling.calls.digits import info_answered
from signaling.calls.requests import challenged, release
from signaling.calls.states import Cue
from signaling.calls.verdicts import Happening
from signaling.core import Core
from signaling.sdp.errors import NegotiationError
from signaling.sdp.offer_answer import withdraw_offer
from signaling.sending import go_elsewhere, send_request
from signaling.sip.message import Response, every
from signaling.sip.multipart import unwrap
from signaling.state import Outside

UNANSWERED = {"timeout": Cue.TIMEOUT, "transport": Cue.TRANSPORT}
STATUS = {"timeout": 408, "transport": 503}
"""What a request counts as answered with, if it was not (RFC 3261 8.1.3.1)."""

GONE = (408, 481)
ENDS_CALL = frozenset({Purpose.OFFER, Purpose.REFRESH, Purpose.INFO})
"""Requests whose 408 or 481 ends the call (RFC 3261 12.2.1.2); others end less.

A PRACK ends nothing: its INVITE has a final response of its own.
"""


def _nothing(core: Core, call: Call, sent: Sent, key: str, happening: Happening) -> None:
    """Nobody waits for this answer."""


Final = Callable[[Core, Call, Sent, str, Happening], None]

FINALS: dict[Purpose, Final] = {
    Purpose.BYE: _nothing,
    Purpose.INFO: info_answered,
    Purpose.NOTIFY: transferee.notified,
    Purpose.REFER: notified.referred,
    Purpose.OFFER: offering.answered,
    Purpose.REFRESH: refreshing.refreshed,
    Purpose.PRACK: _nothing,
}
"""Who takes the final response to a request of ours within a dialog; the text is its key."""

TakeOutside = Callable[[Core, Outside, Happening], None]

OUTSIDE: dict[str, TakeOutside] = {
    registering.PURPOSE: registering.take_final,
    notifying.PURPOSE: transferee.notified_outside,
}
"""Who takes the final response to a request that belongs to no call, by its purpose."""


def take_response(core: Core, key: str, response: Response) -> None:
    """Hand a response to whoever sent the request it answers."""
    response = unwrap(response)
    if key in core.state.outside:
        _outside_answered(core, key, response)
        return
    call = _call_of(core, key)
    if call is None:
        return
    if key in call.sent:
        _answered(core, call, key, response)
    elif key == call.reack_key:
        if call.reack is not None and call.dialog is not None and response.status < 300:
            send_request(core, call, call.dialog, call.reack)
    elif key == call.invite_key or (call.out and key in call.transactions and _is_invite(key)):
        _invite_answered(core, call, key, response)


def request_failed(core: Core, key: str, why: str, reason: str = "") -> None:
    """Nobody answered a request of ours, or it could not be sent, for a reason."""
    happening = Happening(status=STATUS[why], reason=reason or why)
    outside = core.state.outside.pop(key, None)
    if outside is not None:
        if not go_elsewhere(core, outside):
            OUTSIDE[outside.purpose](core, outside, happening)
        return
    call = _call_of(core, key)
    if call is None:
        return
    if key in call.sent:
        _final(core, call, key, happening)
    elif key == call.invite_key:
        call.invite_key = ""
        forks.leave(core, call)
        cue = UNANSWERED[why]
        if may_fail_over(call.out):
            cue = Cue.FAIL_OVER
        elif call.out and may_follow(call.out):
            cue = Cue.REDIRECTED  # the next contact of the 3xx may be alive
        step_or_settle(core, call, cue, Happening(status=STATUS[why], reason=reason))


def _invite_answered(core: Core, call: Call, key: str, response: Response) -> None:
    happening = _heard(response)
    call.allowed = every(response, "Allow") or call.allowed
    if response.status < 200:
        if key == call.invite_key:
            provisional.heard(core, call, response, happening)
    elif response.status < 300:
        _accepted(core, call, response, happening)
    elif key == call.invite_key:
        call.invite_key = ""
        forks.leave(core, call)
        withdraw_offer(call.negotiation)
        step_or_settle(core, call, failure_cue(core, call, response), happening)


def _accepted(core: Core, call: Call, response: Response, happening: Happening) -> None:
    call.invite_key = ""
    if call.dialog is not None and call.dialog.confirmed:
        same = call.dialog.remote_tag == to_tag(response)
        step(core, call, Cue.SUCCESS if same else Cue.FORK, happening)
        return
    forks.stand_at(core, call, response)
    try:
        forks.hear_answer(core, call, response)
    except NegotiationError as error:
        unusable = Happening(status=488, reason=str(error), response=response)
        step(core, call, Cue.UNUSABLE, unusable)
        return
    step(core, call, Cue.SUCCESS, happening)


def _outside_answered(core: Core, key: str, response: Response) -> None:
    if response.status >= 200:
        outside = core.state.outside.pop(key)
        if response.status != 503 or not go_elsewhere(core, outside):
            OUTSIDE[outside.purpose](core, outside, _heard(response))


def _answered(core: Core, call: Call, key: str, response: Response) -> None:
    if response.status < 200:
        provisional.heard_again(core, call, call.sent[key], response)
        return
    response = provisional.with_answer(call.sent[key], response)
    if call.forks and not forks.return_to(call, to_tag(call.sent[key].request)):
        del call.sent[key]  # of an early dialog that is over
        release(core, call, key)
        settle(core, call)
        return
    if challenged(core, call, call.sent[key], response):
        del call.sent[key]
        release(core, call, key)
    else:
        _final(core, call, key, _heard(response))


def _final(core: Core, call: Call, key: str, happening: Happening) -> None:
    sent = call.sent.pop(key)
    FINALS[sent.purpose](core, call, sent, key, happening)
    if key != call.reack_key:
        release(core, call, key)
    if happening.status in GONE and sent.purpose in ENDS_CALL:
        step(core, call, Cue.DIALOG_GONE, happening)
    settle(core, call)


def _heard(response: Response) -> Happening:
    return Happening(status=response.status, reason=response.reason, response=response)


def _is_invite(key: str) -> bool:
    return key.endswith("INVITE")


def _call_of(core: Core, key: str) -> Call | None:
    found = core.state.by_transaction.get(key)
    return core.state.calls.get(found) if found is not None else None
