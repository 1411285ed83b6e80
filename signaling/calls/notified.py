"""What the peer says of a transfer that we ask for: its answer to REFER, and its NOTIFYs.

They may come in any order, and after BYE (RFC 5057).  A NOTIFY of a subscription that we have not
is answered 481, of another event 489.
"""

from typing import Final

from signaling.calls.call import Call, Purpose, Sent
from signaling.calls.responses import answer
from signaling.calls.transfer import Cue, Transferring
from signaling.calls.transferor import advance
from signaling.calls.verdicts import Happening
from signaling.core import Core
from signaling.dialogs import subscription as implicit
from signaling.dialogs.dialog import update_target
from signaling.sip.errors import RemoteError
from signaling.sip.headers import parse_cseq
from signaling.sip.message import Header, Request, first
from signaling.sip.referring import REFER_EVENT, SIPFRAG

UNROUTABLE: Final = frozenset({404, 408, 410, 481, 502, 503, 504, 604})
"""Statuses that say of a target's Contact that it leads nowhere, or to somebody else."""

REFUSAL_HEADERS: Final[dict[int, tuple[Header, ...]]] = {
    415: (("Accept", SIPFRAG),),
    489: (("Allow-Events", REFER_EVENT),),
}


def referred(core: Core, call: Call, sent: Sent, key: str, happening: Happening) -> None:
    """Take the final response to a REFER."""
    _renumber(call, sent)
    response = happening.response
    if response is not None and 200 <= response.status < 300:
        granted = implicit.granted(response)
        if call.dialog is not None:
            update_target(call.dialog, response)
        cue = Cue.SILENCED if granted is implicit.Cue.SILENCED else Cue.GRANTED
    else:
        granted, cue = implicit.Cue.REFUSED, Cue.REFUSED
    implicit.step(implicit.SUBSCRIBER, call.refers[-1], granted)
    transfer = call.transfer
    if transfer is not None and (cue is not Cue.GRANTED or not transfer.status):
        transfer.status, transfer.reason = happening.status, happening.reason
    advance(core, call, cue)


def notified(core: Core, call: Call, key: str, request: Request) -> None:
    """Answer a NOTIFY in the dialog of a call, and take what it says."""
    for sent in call.sent.values():
        _renumber(call, sent)
    try:
        subscription = implicit.find(call.refers, request)
        heard = implicit.read(request)
    except RemoteError as error:
        headers = REFUSAL_HEADERS.get(error.status, ())
        answer(core, call, error.status, error.reason, headers=headers, key=key, request=request)
        return
    answer(core, call, 200, "", key=key, request=request)
    if call.dialog is not None:
        update_target(call.dialog, request)
    implicit.step(implicit.SUBSCRIBER, subscription, heard.cue)
    if subscription is call.refers[-1]:
        _hear(core, call, heard)


def _hear(core: Core, call: Call, heard: implicit.Heard) -> None:
    transfer = call.transfer
    if transfer is None:
        return
    if heard.status:
        transfer.status, transfer.reason = heard.status, heard.reason
        advance(core, call, _cue(heard.status, transfer))
    if heard.cue is implicit.Cue.TERMINATED and heard.status < 200:
        advance(core, call, Cue.MUTE)


def _cue(status: int, transfer: Transferring) -> Cue:
    if status < 200:
        return Cue.PROGRESS
    if status < 300:
        return Cue.SUCCESS
    return Cue.UNROUTABLE if status in UNROUTABLE and transfer.targets else Cue.FAILURE


def _renumber(call: Call, sent: Sent) -> None:
    """Call the latest subscription by the REFER that was sent last, with credentials maybe."""
    if sent.purpose is Purpose.REFER and call.refers:
        call.refers[-1].number = parse_cseq(first(sent.request, "CSeq") or "").number
