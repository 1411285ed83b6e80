"""Transfers that we ask the peer of a call for: held, then REFER, then its NOTIFYs (RFC 5589).

Attended, the target is first asked for at its Contact, which is the one user agent that has the
other call; where that leads nowhere, at its address of record, with ``Require: replaces`` so that
no other of its phones rings (section 7.5).  However it ends, ``TransferEnded`` is told once, and
before the end of the call.
"""

from collections.abc import Callable
from typing import Final

from bus.calls import Answered, Ended, Outcome, Progress
from bus.ids import CallId
from bus.transfers import TransferEnded, TransferProgress
from signaling.calls import states
from signaling.calls.acts import settle, step
from signaling.calls.call import Call, Purpose
from signaling.calls.hold import HELD, hold, resume
from signaling.calls.requests import send
from signaling.calls.transfer import TRANSFEROR, Act, Cue, Stage, Transferring
from signaling.calls.verdicts import Happening
from signaling.core import Core
from signaling.dialogs import subscription as implicit
from signaling.dialogs.routing import request_uri
from signaling.sip.errors import SipError
from signaling.sip.message import Header
from signaling.sip.referring import (
    NO_TAG,
    Replaces,
    render_refer_to,
    render_replaces,
)
from signaling.sip.uri import parse_uri, same_uri

TIMER, PARTING_TIMER = "transfer", "parting"
NOTE: Final = "transfer"

LATE, PARTING = 3.0, 2.0
"""Seconds that we wait for the last NOTIFY after the peer's BYE, and for its BYE in the end."""

WHY: Final = {
    Cue.TARGET_GONE: "the other call ended",
    Cue.MUTE: "the peer ended the subscription and told nothing",
    Cue.TIMEOUT: "nobody told how it went in time",
    Cue.CANCEL: "cancelled",
    Cue.HUNG_UP: "the peer hung up",
    Cue.GONE: "the call ended",
}
"""What is told where no status came."""

MOST_SUBSCRIPTIONS: Final = 8
"""Of REFERs in one dialog whose peer never said that they are over."""


def begin(core: Core, call: Call, transfer: Transferring, timeout: float) -> None:
    """Take up a transfer of a call that is up."""
    call.transfer = transfer
    core.set_timer(call, TIMER, timeout)
    other = core.state.calls.get(transfer.other)
    if other is not None:
        other.consulting = call.id
    if other is None or other.state is states.State.UP:
        advance(core, call, Cue.TARGET_UP)


def cancel(core: Core, call: Call) -> None:
    """Wait no longer."""
    advance(core, call, Cue.CANCEL)


def time_out(core: Core, call: Call) -> None:
    """The time of a transfer is over."""
    advance(core, call, Cue.TIMEOUT)


def part(core: Core, call: Call) -> None:
    """Hang up on a peer that was transferred and did not."""
    step(core, call, states.Cue.HANG_UP, Happening(reason="transferred"))


def follow(core: Core, event: Progress | Answered | Ended) -> None:
    """Note what became of a call: the one with the transfer, or the one with its target."""
    call = core.state.calls.get(event.call)
    if call is None or isinstance(event, Progress):
        return
    if call.transfer is not None and isinstance(event, Ended):
        by_peer = event.by == "remote" and event.outcome is Outcome.COMPLETED
        advance(core, call, Cue.HUNG_UP if by_peer else Cue.GONE)
    referring = core.state.calls.get(call.consulting)
    if referring is not None:
        up = isinstance(event, Answered)
        advance(core, referring, Cue.TARGET_UP if up else Cue.TARGET_GONE)


def _held(core: Core, call: Call, why_not: str) -> None:
    referring = call if call.transfer else core.state.calls.get(call.consulting)
    transfer = referring.transfer if referring else None
    if referring is None or transfer is None or call.id not in transfer.holding:
        return
    transfer.holding.remove(call.id)
    if why_not:
        transfer.held.remove(call.id)
        status, _, reason = why_not.partition(" ")
        said = status.isascii() and status.isdigit()
        transfer.status, transfer.reason = (int(status), reason) if said else (0, why_not)
        advance(core, referring, Cue.NOT_HELD)
    elif not transfer.holding:
        advance(core, referring, Cue.HELD)


HELD[NOTE] = _held


# ---------------------------------------------------------------------------------- the acts


def advance(core: Core, call: Call, cue: Cue) -> None:
    """Take one step; nothing happens where the stage has no cell, or there is no transfer."""
    transfer = call.transfer
    cell = TRANSFEROR[transfer.stage].get(cue) if transfer is not None else None
    if transfer is None or cell is None:
        return
    transfer.stage, acts = cell
    for act in acts:
        DO[act](core, call, transfer, cue)
    if transfer.stage is Stage.OVER and call.transfer is transfer:
        call.transfer = None
        call.timers.pop(TIMER, None)
        other = core.state.calls.get(transfer.other)
        if other is not None:
            other.consulting = CallId("")
            settle(core, other)
        settle(core, call)


def _hold(core: Core, call: Call, transfer: Transferring, cue: Cue) -> None:
    other = core.state.calls.get(transfer.other)
    if other is not None:
        transfer.targets = _targets(other)
    legs = [leg for leg in (call, other) if leg is not None and not leg.holding.local]
    if transfer.hold:
        transfer.holding = [leg.id for leg in legs]
        transfer.held = [leg.id for leg in legs]
        for leg in legs:
            hold(core, leg, transfer.music, note=NOTE)
    if not transfer.holding:
        advance(core, call, Cue.HELD)


def _targets(other: Call) -> list[str]:
    """Return what Refer-To says of a call's peer: its Contact, then its address of record."""
    if other.dialog is None:
        return []
    replaces = Replaces(
        call_id=other.sip_call_id,
        to_tag=other.dialog.remote_tag or NO_TAG,
        from_tag=other.local_tag,
    )
    header = ("Replaces", render_replaces(replaces))
    contact = request_uri(other.dialog.remote_target)
    targets = [render_refer_to(contact, [header])]
    if not _same(contact, other.remote_uri):
        required = [header, ("Require", "replaces")]
        targets.append(render_refer_to(request_uri(other.remote_uri), required))
    return targets


def _same(one: str, another: str) -> bool:
    try:
        return same_uri(parse_uri(one), parse_uri(another))
    except SipError:
        return one == another


def _refer(core: Core, call: Call, transfer: Transferring, cue: Cue) -> None:
    headers: list[Header] = [("Refer-To", transfer.targets.pop(0))]
    if not any(name.lower() == "referred-by" for name, _ in transfer.headers):
        headers.append(("Referred-By", f"<{call.local_uri}>"))
    send(core, call, Purpose.REFER, "REFER", headers=[*headers, *transfer.headers])
    number = call.dialog.local_cseq if call.dialog else 0
    alive = [each for each in call.refers if each.phase is not implicit.Phase.OVER]
    call.refers = [*alive, implicit.Subscription(number=number)][-MOST_SUBSCRIPTIONS:]


def _tell_progress(core: Core, call: Call, transfer: Transferring, cue: Cue) -> None:
    status, reason = transfer.status, transfer.reason
    core.tell(call, TransferProgress(call=call.id, status=status, reason=reason))


def _tell_ok(core: Core, call: Call, transfer: Transferring, cue: Cue) -> None:
    status, reason = transfer.status, transfer.reason
    core.tell(call, TransferEnded(call=call.id, ok=True, status=status, reason=reason))


def _tell_failed(core: Core, call: Call, transfer: Transferring, cue: Cue) -> None:
    status, reason = transfer.status, transfer.reason
    if cue in WHY:
        status, reason = 0, WHY[cue]
    core.tell(call, TransferEnded(call=call.id, ok=False, status=status, reason=reason))


def _resume(core: Core, call: Call, transfer: Transferring, cue: Cue) -> None:
    for name in transfer.held:
        leg = core.state.calls.get(name)
        if leg is not None and leg.state is states.State.UP:
            resume(core, leg)


def _wait(core: Core, call: Call, transfer: Transferring, cue: Cue) -> None:
    core.set_timer(call, TIMER, LATE)


def _part(core: Core, call: Call, transfer: Transferring, cue: Cue) -> None:
    for leg in (call, core.state.calls.get(transfer.other)):
        if leg is not None and leg.state is states.State.UP:
            core.set_timer(leg, PARTING_TIMER, PARTING)


DO: dict[Act, Callable[[Core, Call, Transferring, Cue], None]] = {
    Act.HOLD: _hold,
    Act.REFER: _refer,
    Act.TELL_PROGRESS: _tell_progress,
    Act.TELL_OK: _tell_ok,
    Act.TELL_FAILED: _tell_failed,
    Act.RESUME: _resume,
    Act.WAIT: _wait,
    Act.PART: _part,
}
