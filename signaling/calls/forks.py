"""The early dialogs of an INVITE we sent, one for each To tag that answers it (RFC 3261 12.1).

A call stands at one of them at a time: ``dialog``, ``negotiation``, ``agreed`` and ``rseq`` are
those of that fork, those of the others wait in ``forks``.  Whatever comes from a fork makes the
call stand at it, so nothing else need know that there may be several; each has the offer of the one
INVITE, which is kept as BASE, and an answer of its own.  The stream follows the fork that last
described media, then the one whose 2xx wins (13.2.2.4).
"""

from typing import Final

import msgspec

from signaling.calls.call import Call, Fork
from signaling.calls.dialling import to_tag
from signaling.calls.leg import aim_leg, mute_leg
from signaling.core import Core
from signaling.dialogs.dialog import Dialog, confirm, uac_dialog
from signaling.sdp.errors import NegotiationError
from signaling.sdp.offer_answer import Negotiation, accept_answer
from signaling.sip.message import Response

BASE = " "
"""In place of a tag: what the call was before any fork answered."""

MOST: Final = 64
"""Dialogs of one INVITE; whoever answers with more tags wants our memory."""


def stand_at(core: Core, call: Call, response: Response) -> bool:
    """Stand at the dialog of a response to our INVITE, a new one if its To tag is new.

    False: there are too many early ones.
    """
    tag = to_tag(response)
    if call.invite is None or tag == _tag(call):
        return True
    if tag not in call.forks and len(call.forks) >= MOST and response.status < 200:
        return False
    _put_aside(call)
    fork = call.forks.pop(tag, None)
    if fork is None:
        dialog = uac_dialog(call.invite, response)
        fork = Fork(dialog=dialog, negotiation=_copy(call.forks[BASE].negotiation))
        core.state.by_dialog[dialog.key] = call.id
    _take(call, fork)
    return True


def return_to(call: Call, tag: str) -> bool:
    """Stand at the dialog with a remote tag; False if the call has none (any more)."""
    if tag != _tag(call):
        if tag not in call.forks or (call.dialog is not None and call.dialog.confirmed):
            return False
        _put_aside(call)
        _take(call, call.forks.pop(tag))
    return True


def hear_answer(core: Core, call: Call, response: Response) -> bool:
    """Take the description in a response to our INVITE; False if it says nothing new.

    Another one than before counts too: the peer moves its media when it picks up.  Once an UPDATE
    has changed the session the INVITE's answer is history.  Raises NegotiationError if there is no
    usable answer at all.
    """
    if call.agreed is not None:
        base = call.forks.get(BASE)
        asked = base.negotiation.offer if base else None
        if not response.body or call.negotiation.offer != asked:
            return False
    try:
        call.agreed = accept_answer(call.negotiation, response.body)
    except NegotiationError as error:
        if call.agreed is None:
            raise
        core.log("warning", f"{call.id}: a later answer is unusable: {error}")
        return False
    return True


def hear_early_media(core: Core, call: Call, response: Response) -> None:
    """Let the stream follow the description in a provisional response (RFC 3960)."""
    if not response.body:
        return
    try:
        heard = hear_answer(core, call, response)
    except NegotiationError as error:
        core.log("warning", f"{call.id}: unusable early media: {error}")
        return
    if heard:
        aim_leg(core, call)


def win(core: Core, call: Call, response: Response) -> None:
    """Let the fork that the call stands at be its dialog; the others are over."""
    if call.dialog is None:
        return
    confirm(call.dialog, response)
    call.forks.pop(BASE, None)
    for fork in call.forks.values():
        _unlist(core, fork.dialog)


def lose(core: Core, call: Call, response: Response) -> tuple[Dialog | None, bool]:
    """Return the dialog of a 2xx that comes too late, and whether it is new to us."""
    tag = to_tag(response)
    fork = call.forks.get(tag)
    if fork is None and call.invite is not None and len(call.forks) < MOST:
        dialog = uac_dialog(call.invite, response)
        fork = call.forks[tag] = Fork(dialog=dialog, negotiation=Negotiation())
    if fork is None or fork.dialog is None:
        return None, False
    confirm(fork.dialog, response)
    fresh, fork.refused = not fork.refused, True
    return fork.dialog, fresh


def leave(core: Core, call: Call) -> None:
    """Go back to before the INVITE was answered: it has failed, and its dialogs with it (12.3)."""
    if BASE not in call.forks or call.out is None:
        return
    _put_aside(call)
    for fork in call.forks.values():
        if fork.dialog is not None:
            call.out.cseq = max(call.out.cseq, fork.dialog.local_cseq)
        _unlist(core, fork.dialog)
    _take(call, call.forks[BASE])
    call.forks = {}
    mute_leg(core, call)


def forget_dialogs(core: Core, call: Call) -> None:
    """No request finds the call any more."""
    for dialog in (call.dialog, *(fork.dialog for fork in call.forks.values())):
        _unlist(core, dialog)


def _tag(call: Call) -> str:
    return call.dialog.remote_tag if call.dialog else BASE


def _put_aside(call: Call) -> None:
    call.forks[_tag(call)] = Fork(
        dialog=call.dialog, negotiation=call.negotiation, agreed=call.agreed, rseq=call.rseq
    )


def _take(call: Call, fork: Fork) -> None:
    call.dialog, call.negotiation = fork.dialog, fork.negotiation
    call.agreed, call.rseq = fork.agreed, fork.rseq


def _copy(negotiation: Negotiation) -> Negotiation:
    # Its moves put new values into the fields and change none in place.
    return msgspec.structs.replace(negotiation)


def _unlist(core: Core, dialog: Dialog | None) -> None:
    if dialog is not None:
        core.state.by_dialog.pop(dialog.key, None)
