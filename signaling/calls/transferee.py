"""Transfers that somebody asks us for: what becomes of them (RFC 3515, RFC 5589 section 6).

The owner decides.  A REFER that is accepted is answered 202, the new call is placed, and what
becomes of it is notified; the old call ends only if the new one is up.  The subscription outlives
the old call's BYE, so that call is remembered until the last NOTIFY is answered.
"""

from collections.abc import Callable
from heapq import heappush
from typing import Final

from bus.calls import Answered, Ended, Outcome, Progress
from signaling.calls import notifying, states
from signaling.calls.acts import settle, step
from signaling.calls.call import Call, Sent
from signaling.calls.referral import NOTHING, TRANSFEREE, Deed, Notice, Referral, Turn, Word
from signaling.calls.verdicts import Happening
from signaling.core import Core
from signaling.dialogs.dialog import update_target
from signaling.sip.render import reason_phrase
from signaling.state import Outside

TIMER: Final = "referral"

DECISION, PARTING = 20.0, 4.0
"""Seconds that the owner has to decide, and whoever asked to hang up in the end."""
EXPIRES: Final = 60
"""Seconds that a subscription lasts beyond the ringing of the new call."""

STATUS_OF: Final = {
    Outcome.UNREACHABLE: 503,
    Outcome.NO_ANSWER: 408,
    Outcome.CANCELLED: 487,
    Outcome.MEDIA_NOT_ACCEPTABLE: 488,
}
"""What a new call that had no final response is notified as; any other way it is 500."""


def ponder(core: Core, referral: Referral) -> None:
    """Give the owner time to decide."""
    core.state.referrals[referral.id] = referral
    _wait(core, referral, DECISION)


def accept(core: Core, referral: Referral, new_call: Call) -> None:
    """Grant a REFER: the new call is being placed."""
    referral.new_call = new_call.id
    ring = new_call.out.ring_timeout if new_call.out else 0.0
    referral.subscription.expires_at = core.now + ring + EXPIRES
    _step(core, referral, Word.ACCEPT, Notice(100, reason_phrase(100)))


def decline(core: Core, referral: Referral, status: int, reason: str) -> None:
    """Refuse a REFER."""
    _step(core, referral, Word.DECLINE, Notice(status, reason))


def follow(core: Core, event: Progress | Answered | Ended) -> None:
    """Note what became of a call: the new one of a referral, or the old one."""
    for referral in list(core.state.referrals.values()):
        if event.call == referral.new_call:
            word, notice = _news(event)
            _step(core, referral, word, notice)
        elif event.call == referral.call and isinstance(event, Ended):
            _step(core, referral, Word.GONE, Notice(481, ""))


def take_timer(core: Core, key: str, at: float) -> None:
    """Wait no longer: for the decision, or for the BYE."""
    referral = core.state.referrals.get(key)
    if referral is not None and referral.deadline == at:
        word = Word.SILENCE if referral.turn is Turn.ASKED else Word.PARTED
        _step(core, referral, word, Notice(480, ""))


def notified(core: Core, call: Call, sent: Sent, key: str, happening: Happening) -> None:
    """Take the final response to a NOTIFY in a call's dialog."""
    _notified(core, sent.note, happening.status)


def notified_outside(core: Core, outside: Outside, happening: Happening) -> None:
    """Take the final response to a NOTIFY out of any call."""
    _notified(core, outside.owner, happening.status)


def _news(event: Progress | Answered | Ended) -> tuple[Word, Notice]:
    match event:
        case Progress():
            return Word.PROGRESS, Notice(event.status, event.reason)
        case Answered():
            return Word.ANSWERED, Notice(200, reason_phrase(200), last=True)
        case Ended():
            status = event.status or STATUS_OF.get(event.outcome, 500)
            reason = event.reason if event.status else ""
            return Word.FAILED, Notice(status, reason or reason_phrase(status), last=True)


def _notified(core: Core, name: str, status: int) -> None:
    referral = core.state.referrals.get(name)
    if referral is not None and not notifying.notified(core, referral, status):
        _step(core, referral, Word.TOLD)


# -------------------------------------------------------------------------------- the deeds


def _step(core: Core, referral: Referral, word: Word, notice: Notice = NOTHING) -> None:
    cell = TRANSFEREE[referral.turn].get(word)
    if cell is None:
        return
    referral.turn, deeds = cell
    for deed in deeds:
        DO[deed](core, referral, notice)
    if referral.turn is Turn.OVER and core.state.referrals.pop(referral.id, None) is not None:
        call = core.state.calls.get(referral.call)
        if call is not None:
            call.referral = ""
            settle(core, call)


def _grant(core: Core, referral: Referral, notice: Notice) -> None:
    referral.deadline = 0.0
    notifying.grant(core, referral)
    call = core.state.calls.get(referral.call)
    if call is not None and call.dialog is not None and referral.dialog is None:
        update_target(call.dialog, referral.refer)


def _notify(core: Core, referral: Referral, notice: Notice) -> None:
    if not notifying.notify(core, referral, notice):
        _step(core, referral, Word.TOLD)


def _wait_for_bye(core: Core, referral: Referral, notice: Notice) -> None:
    call = core.state.calls.get(referral.call)
    if call is None or call.ended is not None:
        _step(core, referral, Word.GONE)
    else:
        _wait(core, referral, PARTING)


def _hang_up(core: Core, referral: Referral, notice: Notice) -> None:
    call = core.state.calls.get(referral.call)
    if call is not None:
        step(core, call, states.Cue.HANG_UP, Happening(reason="transferred"))


DO: dict[Deed, Callable[[Core, Referral, Notice], None]] = {
    Deed.GRANT: _grant,
    Deed.REFUSE: notifying.refuse,
    Deed.NOTIFY: _notify,
    Deed.NOTIFY_LAST: _notify,
    Deed.WAIT: _wait_for_bye,
    Deed.HANG_UP: _hang_up,
}


def _wait(core: Core, referral: Referral, seconds: float) -> None:
    referral.deadline = core.now + seconds
    heappush(core.state.timers, (referral.deadline, referral.id, TIMER))
