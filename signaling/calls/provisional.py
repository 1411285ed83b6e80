"""Provisional responses to our INVITE: early dialogs, early media, and PRACK (RFC 3262 4)."""

from signaling.calls.acts import step
from signaling.calls.call import Call, Purpose
from signaling.calls.dialling import to_tag
from signaling.calls.forks import hear_early_media, stand_at
from signaling.calls.requests import send
from signaling.calls.states import Cue, State
from signaling.calls.verdicts import Happening
from signaling.core import Core
from signaling.sip.errors import SipError
from signaling.sip.headers import parse_rseq
from signaling.sip.message import Response, every, first


def heard(core: Core, call: Call, response: Response, happening: Happening) -> None:
    """Take a provisional response; one without a To tag makes no dialog."""
    if response.status > 100 and to_tag(response):
        stand_at(core, call, response)
        if (number := reliable_number(response)) and not _acknowledge(core, call, response, number):
            return
        if call.state in (State.CALLING, State.RINGING):
            hear_early_media(core, call, response)
    step(core, call, Cue.PROVISIONAL, happening)


def reliable_number(response: Response) -> int:
    """Return the RSeq of a response that was sent reliably, 0 of any other."""
    if all(tag.lower() != "100rel" for tag in every(response, "Require")):
        return 0
    try:
        return parse_rseq(first(response, "RSeq") or "")
    except SipError:
        return 0


def _acknowledge(core: Core, call: Call, response: Response, number: int) -> bool:
    """Send PRACK; False for a copy, and for a response that overtook the one before it."""
    if call.rseq and number != call.rseq + 1:
        return False
    call.rseq = number
    rack = f"{number} {first(response, 'CSeq')}"
    send(core, call, Purpose.PRACK, "PRACK", headers=[("RAck", rack)])
    return True
