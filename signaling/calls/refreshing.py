"""Session refreshes (RFC 4028 10): by UPDATE where the peer allows it, else by re-INVITE.

408 and 481 to a refresh end the call at once; after another refusal it is tried again, and where
an interval was agreed the call ends before that is over.
"""

from signaling.calls.acts import step
from signaling.calls.call import Call, Purpose, Sent
from signaling.calls.offering import OFFERED, offer
from signaling.calls.requests import pending, send
from signaling.calls.session import (
    EXPIRY,
    REFRESH,
    ask_session,
    begin_session,
    hear_session,
    raise_session,
)
from signaling.calls.states import Cue, State
from signaling.calls.verdicts import Happening
from signaling.core import Core
from signaling.dialogs.dialog import update_target
from signaling.sending import SUPPORTED

SOONEST = 4.0
"""Seconds between a refused refresh and the next."""

UNKNOWN = (405, 501)


def refresh(core: Core, call: Call) -> None:
    """Refresh the session."""
    if call.state is not State.UP or pending(call, Purpose.REFRESH):
        return
    if "UPDATE" in call.allowed:
        headers = [("Supported", SUPPORTED), *ask_session(core, call)]
        send(core, call, Purpose.REFRESH, "UPDATE", headers=headers)
    else:
        offer(core, call, REFRESH)


def refreshed(core: Core, call: Call, sent: Sent, key: str, happening: Happening) -> None:
    """Take the final response to an UPDATE without offer."""
    response = happening.response
    if response is None or call.state is not State.UP or call.dialog is None:
        return
    if response.status < 300:
        update_target(call.dialog, response)
        hear_session(core, call, response)
    elif response.status in UNKNOWN:
        call.allowed = [method for method in call.allowed if method != "UPDATE"]
        refresh(core, call)
    elif raise_session(core, call, response):
        refresh(core, call)
    else:
        _try_later(core, call)


def expire(core: Core, call: Call) -> None:
    """End a session that was not refreshed."""
    step(core, call, Cue.EXPIRED)


def _offered(core: Core, call: Call, happening: Happening) -> None:
    if happening.status >= 300:
        _try_later(core, call)


OFFERED[REFRESH] = _offered


def _try_later(core: Core, call: Call) -> None:
    """Try again in the middle of the time that is left; alone, when the next is due."""
    if EXPIRY not in call.timers:
        begin_session(core, call)
    elif (wait := (call.timers[EXPIRY] - core.now) / 2) >= SOONEST:
        core.set_timer(call, REFRESH, wait)
