"""What the acts of the call tables do, and ``step``, which walks the tables."""

from collections.abc import Callable

import msgspec

from bus.calls import Answered, Ended, Ok, Progress
from bus.errors import NoCapacityError, RefusedError, WrongStateError
from signaling.calls.call import Call, Purpose, Ringing
from signaling.calls.dialling import (
    aim_at_target,
    may_follow,
    next_target,
    ready,
    send_elsewhere,
    send_invite,
)
from signaling.calls.forks import forget_dialogs, lose, win
from signaling.calls.leg import aim_leg, close_leg, open_leg, play_leg
from signaling.calls.media import forgo_holds, tell_hold
from signaling.calls.requests import send
from signaling.calls.responses import answer
from signaling.calls.ringing import cease, describe_finally, ring, ring_with_media
from signaling.calls.session import grant_session, hear_session
from signaling.calls.silence import wait
from signaling.calls.states import INCOMING, OUTGOING, Act, Cue, State
from signaling.calls.verdicts import REFUSALS, Happening, verdict
from signaling.checks import extension_headers
from signaling.core import Core
from signaling.dialogs.dialog import Dialog, ack_for_2xx, dialog_key, next_request
from signaling.dialogs.reliable import holds_back_2xx
from signaling.sending import branch, listener_named, send_request, start, via
from signaling.sip.headers import parse_cseq
from signaling.sip.message import Header, Request, first
from signaling.timers import SLACK
from signaling.transactions.layer import cancel_for

RETRY_AFTER = "5"
"""Seconds; with every 503 (RFC 3261 21.5.4)."""

PROTOCOLS = {Cue.HANG_UP: "SIP", Cue.SILENT: "Q.850;cause=102"}
"""What the Reason of a BYE begins with (RFC 3326; 102: recovery on timer expiry)."""

NOTHING = Happening()


def step(core: Core, call: Call, cue: Cue, happening: Happening = NOTHING) -> bool:
    """Take one step; False if the state has no cell for the cue."""
    cell = (OUTGOING if call.out else INCOMING).get(call.state, {}).get(cue)
    if cell is None:
        return False
    call.state, acts = cell
    for act in acts:
        DO[act](core, call, cue, happening)
    settle(core, call)
    return True


def step_or_settle(core: Core, call: Call, cue: Cue, happening: Happening = NOTHING) -> None:
    """Take one step; where the state has no cell, see whether something else is now over."""
    if not step(core, call, cue, happening):
        settle(core, call)


def settle(core: Core, call: Call) -> None:
    """Tell the end once the stream is gone; forget the call once its transactions are."""
    settled = call.leg.state in ("none", "closed") and call.transfer is None
    if call.ended is not None and not call.told and settled:
        call.told = True
        duration = core.now - call.answered_at if call.answered_at else 0.0
        ended = msgspec.structs.replace(
            call.ended, duration=duration, quality=call.leg.quality, record=call.record
        )
        core.tell(call, ended)
    busy = call.invite_key or call.sent or call.reinvite_key or call.state is not State.CLOSING
    if call.told and not busy and not call.referral and not call.consulting:
        forget(core, call)


def forget(core: Core, call: Call) -> None:
    """Remove all of a call but its name."""
    core.state.bury(call)
    core.state.calls.pop(call.id, None)
    for key in call.transactions:
        core.state.by_transaction.pop(key, None)
    forget_dialogs(core, call)
    if not core.state.calls:
        core.state.timers_kept = -SLACK  # theirs are swept out at once


def dialog_key_of(call: Call) -> str:
    """Return the key under which in-dialog requests find the call."""
    remote_tag = call.dialog.remote_tag if call.dialog else ""
    return dialog_key(call.sip_call_id, call.local_tag, remote_tag)


# ------------------------------------------------------------------------------- out


def _send_invite(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    send_invite(core, call, call.out.credentials if call.out else ())
    if call.out and "ring" not in call.timers:
        core.set_timer(call, "ring", call.out.ring_timeout)


def _follow(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    out = call.out
    if out is None or not next_target(out):
        return
    out.credentials, out.attempts = (), 0
    reason = aim_at_target(core, call, out)
    if reason:
        cue = Cue.REDIRECTED if may_follow(out) else Cue.UNRESOLVED
        step(core, call, cue, Happening(reason=reason))
    elif (then := ready(core, call)) is not None:
        step(core, call, then, Happening(reason="no media worker is free"))


def _send_elsewhere(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    send_elsewhere(core, call)


def _adopt(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    if call.invite is None or happening.response is None:
        return
    call.timers.pop("ring", None)
    win(core, call, happening.response)


def _send_ack(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    if call.ack is None and call.dialog is not None:
        call.ack = _ack(core, call, call.dialog)
    if call.ack is not None and call.dialog is not None:
        send_request(core, call, call.dialog, call.ack)


def _ack(core: Core, call: Call, dialog: Dialog) -> Request | None:
    if call.invite is None:
        return None
    listener = listener_named(core, call.listener)
    number = parse_cseq(first(call.invite, "CSeq") or "").number
    credentials = call.out.credentials if call.out else ()
    return ack_for_2xx(dialog, number, via=via(listener, branch(core)), headers=credentials)


def _refuse_fork(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    """ACK and BYE a second dialog of a forked INVITE (RFC 3261 13.2.2.4)."""
    if happening.response is None:
        return
    dialog, fresh = lose(core, call, happening.response)
    ack = _ack(core, call, dialog) if dialog else None
    if dialog is None or ack is None:
        return
    send_request(core, call, dialog, ack)
    if not fresh:
        return
    listener = listener_named(core, call.listener)
    bye = next_request(dialog, "BYE", via=via(listener, branch(core)))
    send_request(core, call, dialog, bye)


def _send_cancel(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    if call.invite is None or call.out is None or call.out.flow is None:
        return
    start(core, call, cancel_for(call.invite), call.out.flow)


def _aim(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    aim_leg(core, call)


# -------------------------------------------------------------------------------- in


def _open_stream(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    """Open it for the answer, if early media has not; a port that the peer knows is not changed."""
    call.timers.pop("ring", None)
    if call.leg.state == "open":
        if not holds_back_2xx(call.provisionals):
            step(core, call, Cue.STREAM_OPENED)
    elif call.described:
        step(core, call, Cue.STREAM_REFUSED, Happening(reason="the media worker was lost"))
    elif call.leg.state != "opening":
        _open(core, call)


def _open_early(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    if call.leg.state == "open":
        play_leg(core, call)
        ring_with_media(core, call)
    else:
        _open(core, call)


def _open(core: Core, call: Call) -> None:
    if not open_leg(core, call, call.agreed.remote if call.agreed else None):
        step(core, call, Cue.STREAM_REFUSED, Happening(reason="no media worker is free"))


def _send_provisional(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    ring(core, call, Ringing(happening.status, happening.reason, happening.headers))


def _send_early(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    ring_with_media(core, call)


def _forgo_early(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    if call.ringing is not None:
        core.reply(call.ringing.waiting, NoCapacityError(happening.reason))
        call.ringing = None


def _send_answer(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    body = describe_finally(core, call)
    call.offered_in_2xx = call.offered_in_2xx and not call.described
    play_leg(core, call)
    headers = list(call.answer_headers)
    if call.invite is not None:
        headers += grant_session(core, call, call.invite)
    cease(core, call, Ok())
    answer(core, call, 200, "", headers=tuple(headers), body=body)
    core.reply(call.answering, Ok())
    call.answering = None


def _send_final(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    status, reason = REFUSALS.get(cue, (happening.status, happening.reason))
    headers = [("Contact", f"<{uri}>") for uri in happening.contacts]
    if status == 503:
        headers.append(("Retry-After", RETRY_AFTER))
    why = _why_not(cue, happening)
    cease(core, call, why)
    answer(core, call, status, reason, headers=tuple(headers))
    call.invite_key = ""
    core.reply(call.answering, why)
    call.answering = None


def _why_not(cue: Cue, happening: Happening) -> RefusedError:
    if cue is Cue.STREAM_REFUSED:
        return NoCapacityError(happening.reason)
    return WrongStateError(f"the call ended before it was answered: {cue.value}")


# ------------------------------------------------------------------------------ both


def _send_bye(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    headers: list[Header] = []
    if happening.reason and cue in PROTOCOLS:
        quoted = happening.reason.replace("\\", "\\\\").replace('"', '\\"')
        headers.append(("Reason", f'{PROTOCOLS[cue]};text="{quoted}"'))
    send_bye(core, call, headers)


def send_bye(core: Core, call: Call, headers: list[Header]) -> None:
    """Send BYE (RFC 3261 15.1.1)."""
    send(core, call, Purpose.BYE, "BYE", headers=headers)


def _tell_progress(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    if happening.status > 100:
        progress = Progress(
            call=call.id,
            status=happening.status,
            reason=happening.reason,
            early_media=call.leg.aimed is not None,
            headers=extension_headers(happening.response),
        )
        core.tell(call, progress)
        core.news.append(progress)


def _tell_answered(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    call.answered_at = core.now
    if call.out and happening.response:
        hear_session(core, call, happening.response)
    if call.agreed is None:
        return
    remote = call.agreed.remote
    answered = Answered(
        call=call.id,
        codec=remote.codec,
        worker=call.leg.worker,
        stream=call.leg.stream,
        local_media=f"{listener_named(core, call.listener).host}:{call.leg.port}",
        remote_media=f"{remote.address}:{remote.port}",
        headers=extension_headers(happening.response if call.out else None),
        srtp=call.suite,
        rate=call.rate,
    )
    core.tell(call, answered)
    core.news.append(answered)
    tell_hold(core, call)
    wait(core, call)


def _finish(core: Core, call: Call, cue: Cue, happening: Happening) -> None:
    found = verdict(cue, happening, answered=bool(call.answered_at))
    call.timers.pop("ring", None)
    call.ended = Ended(
        call=call.id,
        outcome=found.outcome,
        status=found.status,
        reason=found.reason,
        by=found.by,
    )
    core.news.append(call.ended)
    forgo_holds(core, call)
    close_leg(core, call)


Do = Callable[[Core, Call, Cue, Happening], None]

DO: dict[Act, Do] = {
    Act.SEND_INVITE: _send_invite,
    Act.SEND_AGAIN: _send_invite,
    Act.SEND_ELSEWHERE: _send_elsewhere,
    Act.FOLLOW: _follow,
    Act.SEND_ACK: _send_ack,
    Act.SEND_CANCEL: _send_cancel,
    Act.SEND_BYE: _send_bye,
    Act.REFUSE_FORK: _refuse_fork,
    Act.ADOPT: _adopt,
    Act.AIM: _aim,
    Act.OPEN_STREAM: _open_stream,
    Act.OPEN_EARLY: _open_early,
    Act.SEND_PROVISIONAL: _send_provisional,
    Act.SEND_EARLY: _send_early,
    Act.FORGO_EARLY: _forgo_early,
    Act.SEND_ANSWER: _send_answer,
    Act.SEND_FINAL: _send_final,
    Act.TELL_PROGRESS: _tell_progress,
    Act.TELL_ANSWERED: _tell_answered,
    Act.FINISH: _finish,
}
