"""How a call ended, said once: from what happened to the outcome that its owner is told."""

import msgspec

from bus.calls import Outcome
from signaling.calls.states import Cue
from signaling.sip.message import Header, Response


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """What came with a cue."""

    status: int = 0
    """Of the SIP response heard, or to be sent."""
    reason: str = ""
    headers: tuple[Header, ...] = ()
    """The owner's own, for a response."""
    contacts: tuple[str, ...] = ()
    """Of a redirection to be sent."""
    response: Response | None = None
    """The response heard, where there was one."""


class Verdict(msgspec.Struct, frozen=True):
    """The owner's view of an end."""

    outcome: Outcome
    status: int
    reason: str
    by: str
    """``local remote engine``."""


OF_STATUS = {
    486: Outcome.BUSY,
    600: Outcome.BUSY,
    408: Outcome.NO_ANSWER,
    480: Outcome.NO_ANSWER,
    487: Outcome.CANCELLED,
    415: Outcome.MEDIA_NOT_ACCEPTABLE,
    488: Outcome.MEDIA_NOT_ACCEPTABLE,
    606: Outcome.MEDIA_NOT_ACCEPTABLE,
}
"""All other refusals are ``rejected``."""

OF_CUE = {
    Cue.UNRESOLVED: (Outcome.UNREACHABLE, "engine"),
    Cue.TIMEOUT: (Outcome.UNREACHABLE, "engine"),
    Cue.TRANSPORT: (Outcome.UNREACHABLE, "engine"),
    Cue.STREAM_REFUSED: (Outcome.FAILED, "engine"),
    Cue.WORKER_LOST: (Outcome.FAILED, "engine"),
    Cue.UNUSABLE: (Outcome.MEDIA_NOT_ACCEPTABLE, "engine"),
    Cue.ACK_UNUSABLE: (Outcome.MEDIA_NOT_ACCEPTABLE, "engine"),
    Cue.ACK_MISSING: (Outcome.FAILED, "engine"),
    Cue.PRACK_MISSING: (Outcome.FAILED, "engine"),
    Cue.ANSWER_UNUSABLE: (Outcome.MEDIA_NOT_ACCEPTABLE, "engine"),
    Cue.DIALOG_GONE: (Outcome.FAILED, "remote"),
    Cue.EXPIRED: (Outcome.FAILED, "engine"),
    Cue.SILENT: (Outcome.FAILED, "engine"),
    Cue.RING_TIMEOUT: (Outcome.NO_ANSWER, "local"),
    Cue.OWNER_LOST: (Outcome.FAILED, "engine"),
    Cue.CANCEL: (Outcome.CANCELLED, "remote"),
    Cue.REJECT: (Outcome.REJECTED, "local"),
    Cue.REDIRECT: (Outcome.REDIRECTED, "local"),
    Cue.HANG_UP: (Outcome.CANCELLED, "local"),
    Cue.BYE: (Outcome.CANCELLED, "remote"),
}
"""Ends whose outcome does not depend on a status; HANG_UP and BYE as before the answer."""

REASONS = {
    Cue.TIMEOUT: "nobody answered the INVITE",
    Cue.ACK_MISSING: "the peer never acknowledged our answer",
    Cue.PRACK_MISSING: "the peer never acknowledged a provisional response",
    Cue.WORKER_LOST: "the media worker was lost",
    Cue.OWNER_LOST: "the owner of the call was lost",
    Cue.RING_TIMEOUT: "ring time-out",
    Cue.EXPIRED: "the session was not refreshed in time",
}


def verdict(cue: Cue, happening: Happening, *, answered: bool) -> Verdict:
    """Judge the cue that ended a call."""
    reason = happening.reason or REASONS.get(cue, "")
    if cue in (Cue.FAILURE, Cue.CHALLENGED, Cue.REDIRECTED):
        outcome = OF_STATUS.get(happening.status, Outcome.REJECTED)
        return Verdict(outcome, happening.status, reason, "remote")
    outcome, by = OF_CUE[cue]
    if answered and cue in (Cue.HANG_UP, Cue.BYE):
        outcome = Outcome.COMPLETED
    if cue is Cue.REJECT and happening.status in (486, 600):
        outcome = Outcome.BUSY
    return Verdict(outcome, happening.status, reason, by)


REFUSALS = {
    Cue.HANG_UP: (603, ""),
    Cue.OWNER_LOST: (480, ""),
    Cue.RING_TIMEOUT: (480, ""),
    Cue.CANCEL: (487, ""),
    Cue.BYE: (487, ""),
    Cue.STREAM_REFUSED: (503, ""),
    Cue.PRACK_MISSING: (504, ""),
    Cue.WORKER_LOST: (503, ""),
}
"""What an incoming call is refused with, where the owner did not say."""
