"""A new call that takes the place of one of ours (RFC 3891): attended transfer, seen by its target.

The INVITE names the old dialog by its Call-ID and both tags: ``to-tag`` is ours.  What is accepted
is answered at once, without asking the owner, who hears ``Replaced``; the old call is hung up when
the new one is up, and goes on if that never is.
"""

import re
from typing import Final

from bus.calls import Answered, Ended, Progress
from bus.ids import CallId
from bus.transfers import Replaced
from signaling.calls.acts import step
from signaling.calls.call import Call
from signaling.calls.states import Cue, State
from signaling.calls.verdicts import Happening
from signaling.core import Core
from signaling.dialogs.dialog import dialog_key
from signaling.sip.errors import RemoteError
from signaling.sip.message import Request, first
from signaling.sip.referring import NO_TAG, Replaces, parse_replaces, the_only

REASON: Final = "replaced"

CONFIRMED: Final = frozenset({State.UP, State.ACCEPTED})
EARLY_OF_OURS: Final = frozenset({State.CALLING, State.RINGING})
EARLY_OF_THEIRS: Final = frozenset({State.OFFERED, State.OPENING})

NUMBERED: Final = re.compile(r"(.*?)(?:-([0-9]{1,9}))?(\.[^./]*)?", re.DOTALL)


def replaced_by(core: Core, request: Request) -> Call | None:
    """Return the call whose place an INVITE is to take, None if it is an ordinary one.

    Raises RemoteError as RFC 3891 section 3 has it: 400 for more than one Replaces or one beside a
    Join, 481 for a dialog that we do not have (or an early one that we did not initiate), 486 if
    only an early one was meant, 603 if it is over, or if we are set to refuse; 491 while another
    INVITE is taking its place.
    """
    value = the_only(request, "Replaces")
    if value is None:
        return None
    if first(request, "Join") is not None:
        raise RemoteError(400, "Replaces and Join")
    replaces = parse_replaces(value)
    if core.state.settings.sip.replaces == "refuse":
        raise RemoteError(603, "")
    call = _find(core, replaces)
    if call is None or call.state in EARLY_OF_THEIRS:
        raise RemoteError(481, "")
    if call.state not in CONFIRMED | EARLY_OF_OURS:
        raise RemoteError(603, "")
    if replaces.early_only and call.state in CONFIRMED:
        raise RemoteError(486, "")
    if any(each.replaces == call.id for each in core.state.calls.values() if not each.ended):
        raise RemoteError(491, "")
    return call


def take_over(core: Core, call: Call, old: Call) -> None:
    """Answer a new call in the place of an old one: same owner, same source, recorded beside it."""
    call.replaces, call.transfers = old.id, old.transfers
    call.play = old.play
    call.record = "" if old.record_stopped else beside(old.record)
    core.tell(call, Replaced(call=old.id, by=call.id, remote=call.remote_uri))
    step(core, call, Cue.ANSWER)


def follow(core: Core, event: Progress | Answered | Ended) -> None:
    """Hang up the old call when the new one is up."""
    call = core.state.calls.get(event.call)
    if call is None or not call.replaces or not isinstance(event, Answered):
        return
    old = core.state.calls.get(call.replaces)
    if old is not None:
        step(core, old, Cue.HANG_UP, Happening(reason=REASON))


def beside(path: str) -> str:
    """Return the path of the next recording: ``name.wav``, ``name-2.wav``, ``name-3.wav``."""
    found = NUMBERED.fullmatch(path)
    if not path or found is None:
        return ""
    stem, number, suffix = found.groups()
    return f"{stem}-{int(number or 1) + 1}{suffix or ''}"


def _find(core: Core, replaces: Replaces) -> Call | None:
    tags = {replaces.from_tag, "" if replaces.from_tag == NO_TAG else replaces.from_tag}
    for from_tag in sorted(tags):
        key = dialog_key(replaces.call_id, replaces.to_tag, from_tag)
        found = core.state.calls.get(core.state.by_dialog.get(key, CallId("")))
        if found is not None:
            return found
    return None
