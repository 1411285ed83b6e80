"""Our re-INVITEs (RFC 3261 14.1): sent one at a time, acknowledged, repeated after glare.

Whoever wants one asks with ``offer`` and is told through ``OFFERED`` what became of it.  What an
offer says follows from the call at the moment it is sent.
"""

from collections.abc import Callable

from signaling.calls.acts import step as step_call
from signaling.calls.call import Call, Purpose, Sent
from signaling.calls.describing import our_offer
from signaling.calls.exchange import (
    LONGEST_PAUSE,
    MOST_TRIES,
    PATIENCE,
    TABLE,
    Act,
    Cue,
    Stage,
    pause_after_glare,
)
from signaling.calls.holding import SAID
from signaling.calls.media import change_media
from signaling.calls.requests import acknowledge, release, send
from signaling.calls.session import ask_session, hear_session, raise_session
from signaling.calls.states import Cue as CallCue
from signaling.calls.states import State
from signaling.calls.verdicts import Happening
from signaling.core import Core
from signaling.credentials import CREDENTIALS
from signaling.dialogs.dialog import ack_for_2xx, update_target
from signaling.sdp.errors import NegotiationError
from signaling.sdp.offer_answer import accept_answer, repeat_offer, withdraw_offer
from signaling.sending import ALLOW, SUPPORTED, branch, listener_named, start, via
from signaling.sip.headers import parse_cseq
from signaling.sip.intervals import delta_seconds
from signaling.sip.message import Request, Response, first
from signaling.transactions.layer import cancel_for

TIMER = "offer"

GONE = (408, 481)
"""They end the dialog (RFC 3261 12.2.1.2)."""

OFFERED: dict[str, Callable[[Core, Call, Happening], None]] = {}
"""Who asked for an offer -> what hears its final response, before the stream follows it."""


def offer(core: Core, call: Call, asker: str) -> None:
    """Make an offer as soon as no other INVITE is under way."""
    if asker not in call.exchange.wanted:
        call.exchange.wanted.append(asker)
    go_on(core, call)


def go_on(core: Core, call: Call) -> None:
    """Make the next offer that is wanted, if nothing stands in its way."""
    free = call.state is State.UP and not call.reinvite_key and not call.negotiation.open
    if free and call.exchange.wanted:
        _step(core, call, Cue.READY)


def answered(core: Core, call: Call, sent: Sent, key: str, happening: Happening) -> None:
    """Take the final response to a re-INVITE of ours."""
    response = happening.response
    if response is not None and response.status < 300:
        _acknowledge(core, call, sent.request, key, response)
        hear_session(core, call, response)
    if call.state is State.UP:
        _step(core, call, _cue_of(core, call, happening), happening)


def due(core: Core, call: Call) -> None:
    """Go on after a pause, or give up waiting."""
    _step(core, call, Cue.DUE)


def _step(core: Core, call: Call, cue: Cue, happening: Happening | None = None) -> None:
    cell = TABLE[call.exchange.stage].get(cue)
    if cell is None:
        return
    stage, acts = cell
    for act in acts:
        DO[act](core, call, happening or Happening())
    call.exchange.stage = stage
    if stage is Stage.IDLE and not (happening and happening.status in GONE):
        go_on(core, call)


def _cue_of(core: Core, call: Call, happening: Happening) -> Cue:
    if 200 <= happening.status < 300:
        return Cue.ACCEPTED
    again = (
        happening.status == 491
        or 0 <= _retry_after(happening) <= LONGEST_PAUSE
        or raise_session(core, call, happening.response)
    )
    return Cue.LATER if again and call.exchange.tries < MOST_TRIES else Cue.REFUSED


def _retry_after(happening: Happening) -> int:
    """Return the seconds of a 500's Retry-After, -1 without one (RFC 3261 14.1)."""
    if happening.status != 500 or happening.response is None:
        return -1
    return delta_seconds(first(happening.response, "Retry-After") or "")


# ---------------------------------------------------------------------------------- the acts


def _send(core: Core, call: Call, happening: Happening) -> None:
    exchange = call.exchange
    exchange.asker = exchange.wanted.pop(0)
    exchange.tries += 1
    send(
        core,
        call,
        Purpose.OFFER,
        "INVITE",
        headers=[("Allow", ALLOW), ("Supported", SUPPORTED), *ask_session(core, call)],
        body=_body(core, call),
        content_type="application/sdp",
    )
    core.set_timer(call, TIMER, PATIENCE * core.state.transactions.t1)


def _body(core: Core, call: Call) -> bytes:
    """Say what is wished, or what was agreed before."""
    wish = call.holding.wish
    if wish is None or call.exchange.asker != "hold":
        return repeat_offer(call.negotiation)
    return our_offer(core, call, SAID[wish.local, call.remote_hold])


def _settle(core: Core, call: Call, happening: Happening) -> None:
    call.timers.pop(TIMER, None)
    body = happening.response.body if happening.response else b""
    try:
        agreed = accept_answer(call.negotiation, body)
    except NegotiationError as error:
        withdraw_offer(call.negotiation)
        step_call(core, call, CallCue.ANSWER_UNUSABLE, Happening(status=488, reason=str(error)))
        return
    _tell(core, call, happening)
    change_media(core, call, agreed)


def _withdraw(core: Core, call: Call, happening: Happening) -> None:
    call.timers.pop(TIMER, None)
    withdraw_offer(call.negotiation)


def _tell(core: Core, call: Call, happening: Happening) -> None:
    exchange = call.exchange
    asker, exchange.asker, exchange.tries = exchange.asker, "", 0
    OFFERED[asker](core, call, happening)


def _pause(core: Core, call: Call, happening: Happening) -> None:
    pause = max(_retry_after(happening), 0.0)
    if happening.status == 491:
        pause = pause_after_glare(core.entropy.fraction(), owns_call_id=call.out is not None)
    core.set_timer(call, TIMER, pause)


def _again(core: Core, call: Call, happening: Happening) -> None:
    call.exchange.wanted.insert(0, call.exchange.asker)


def _cancel(core: Core, call: Call, happening: Happening) -> None:
    """Give it up; without a final response to that either, the transaction says 408 (9.1)."""
    for key, sent in call.sent.items():
        if sent.purpose is Purpose.OFFER and core.state.transactions.invite_proceeding(key):
            cancel = cancel_for(sent.request)
            flow = core.state.transactions.way_of_invite(cancel)
            if flow is not None:
                release(core, call, start(core, call, cancel, flow))
            return


DO: dict[Act, Callable[[Core, Call, Happening], None]] = {
    Act.SEND: _send,
    Act.SETTLE: _settle,
    Act.WITHDRAW: _withdraw,
    Act.PAUSE: _pause,
    Act.CANCEL: _cancel,
    Act.TELL: _tell,
    Act.AGAIN: _again,
}


def _acknowledge(core: Core, call: Call, request: Request, key: str, response: Response) -> None:
    """Send the ACK, with the credentials of its INVITE (RFC 3261 13.2.2.4)."""
    if call.dialog is None:
        return
    update_target(call.dialog, response)
    ack = ack_for_2xx(
        call.dialog,
        parse_cseq(first(request, "CSeq") or "").number,
        via=via(listener_named(core, call.listener), branch(core)),
        headers=[item for item in request.headers if item[0].lower() in CREDENTIALS],
    )
    acknowledge(core, call, key, ack)
