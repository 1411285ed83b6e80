"""Provisional responses to our INVITE: early dialogs, early media, and PRACK (RFC 3262 4)."""

import msgspec

from signaling.calls.acts import step
from signaling.calls.call import Call, Purpose, Sent
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
        if not stand_at(core, call, response):
            return
        if (number := reliable_number(response)) and not _acknowledge(core, call, response, number):
            return
        if call.state in (State.CALLING, State.RINGING):
            hear_early_media(core, call, response)
    step(core, call, Cue.PROVISIONAL, happening)


def heard_again(core: Core, call: Call, sent: Sent, response: Response) -> None:
    """Take a provisional response to a re-INVITE: only one that came reliably matters."""
    number = reliable_number(response) if sent.request.method == "INVITE" else 0
    if number and _is_next(number, sent.rseq):
        sent.rseq, sent.described = number, response.body or sent.described
        _send_prack(core, call, response, number)


def with_answer(sent: Sent, response: Response) -> Response:
    """Put the answer that came reliably before into a 2xx that has none (RFC 3261 13.2.1)."""
    if sent.described and response.status < 300 and not response.body:
        return msgspec.structs.replace(response, body=sent.described)
    return response


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
    if not _is_next(number, call.rseq):
        return False
    call.rseq = number
    _send_prack(core, call, response, number)
    return True


def _is_next(number: int, last: int) -> bool:
    return not last or number == last + 1


def _send_prack(core: Core, call: Call, response: Response, number: int) -> None:
    rack = f"{number} {first(response, 'CSeq')}"
    send(core, call, Purpose.PRACK, "PRACK", headers=[("RAck", rack)])
