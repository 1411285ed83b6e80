"""How a call ended, as a type: ``ended()`` returns it, ``answered()`` raises it.

CallOutcome               what every outcome knows: status, reason, by, duration, quality, record
├── Completed             answered, then hung up by either side
└── CallFailed            also an OffhookError
    ├── Busy              486 or 600
    ├── Rejected          any other final refusal; see .status and .reason
    ├── NoAnswer          it rang in vain
    ├── Cancelled         its caller gave up before it was answered
    ├── Redirected        we sent an incoming call elsewhere
    ├── Unreachable       nobody answered, the name did not resolve, the transport failed
    ├── MediaNotAcceptable  no common codec, or a description nobody could use
    └── Failed            lost in mid-call: a process died, or the peer broke the protocol

    match await call.ended():
        case Completed() as done: print(done.duration)
        case Rejected(status=403): ...

Likewise ``transfer()`` returns ``Transferred`` or raises ``TransferFailedError``.
"""

from typing import ClassVar

import msgspec

from bus.calls import Ended, Outcome, Quality
from bus.errors import OffhookError
from bus.transfers import TransferEnded


class CallOutcome:
    """What is known of a call that is over."""

    title: ClassVar[str] = "ended"

    def __init__(self, ended: Ended) -> None:
        self.event = ended

    def __str__(self) -> str:
        return sentence(self.title, self.event)

    @property
    def status(self) -> int:
        """SIP status that ended it, 0 if none did."""
        return self.event.status

    @property
    def reason(self) -> str:
        """Reason phrase, or what went wrong."""
        return self.event.reason

    @property
    def by(self) -> str:
        """``local``, ``remote`` or ``engine``."""
        return self.event.by

    @property
    def duration(self) -> float:
        """Seconds from the answer; 0 if there was none."""
        return self.event.duration

    @property
    def quality(self) -> Quality | None:
        """What its media was like, None if there was none."""
        return self.event.quality

    @property
    def record(self) -> str:
        """Path of the recording, complete by now; empty if there is none."""
        return self.event.record

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


class Completed(CallOutcome):
    """Answered, then hung up by either side."""

    title = "completed"


class CallFailed(CallOutcome, OffhookError):  # noqa: N818
    """The call was not answered, or was lost."""

    title = "failed"


class Busy(CallFailed):
    """The callee is busy: 486 or 600."""

    title = "busy"


class Rejected(CallFailed):
    """Any other final refusal, by either side; ``status`` and ``reason`` say which."""

    title = "rejected"


class NoAnswer(CallFailed):
    """It rang in vain: our ring time-out, or 408 or 480 by the peer."""

    title = "no answer"


class Cancelled(CallFailed):
    """Ended by its caller before it was answered."""

    title = "cancelled"


class Redirected(CallFailed):
    """We sent an incoming call elsewhere."""

    title = "redirected"


class Unreachable(CallFailed):
    """Nobody answered at all, the name did not resolve, or the transport failed."""

    title = "unreachable"


class MediaNotAcceptable(CallFailed):
    """No common codec, or a session description that nobody could use."""

    title = "media not acceptable"


class Failed(CallFailed):
    """Lost in mid-call: a process of the engine died, or the peer broke the protocol."""

    title = "failed"


class CallEndedError(OffhookError):
    """The call ended before what was asked of it was done; ``outcome`` says how."""

    def __init__(self, what: str, outcome: "AnyOutcome") -> None:
        super().__init__(f"{what}: the call is over ({outcome})")
        self.outcome = outcome


AnyOutcome = (
    Completed
    | Busy
    | Rejected
    | NoAnswer
    | Cancelled
    | Redirected
    | Unreachable
    | MediaNotAcceptable
    | Failed
)

BY_OUTCOME: dict[Outcome, type[AnyOutcome]] = {
    Outcome.COMPLETED: Completed,
    Outcome.BUSY: Busy,
    Outcome.REJECTED: Rejected,
    Outcome.NO_ANSWER: NoAnswer,
    Outcome.CANCELLED: Cancelled,
    Outcome.REDIRECTED: Redirected,
    Outcome.UNREACHABLE: Unreachable,
    Outcome.MEDIA_NOT_ACCEPTABLE: MediaNotAcceptable,
    Outcome.FAILED: Failed,
}


def outcome_of(ended: Ended) -> AnyOutcome:
    """Return the outcome that a last event tells of; each time a new one, as it may be raised."""
    return BY_OUTCOME[ended.outcome](ended)


def sentence(title: str, ended: Ended) -> str:
    """Return it in words: ``rejected: 403 Forbidden``."""
    words = " ".join(word for word in (str(ended.status or ""), ended.reason) if word)
    return f"{title}: {words}" if words else title


class Transferred(msgspec.Struct, frozen=True):
    """The peer has reached whom we sent it to."""

    status: int
    """Final SIP status of the target as the peer told it, 0 if it did not."""
    reason: str


class TransferFailedError(OffhookError):
    """The peer did not get there; it was taken back."""

    def __init__(self, ended: TransferEnded) -> None:
        words = " ".join(word for word in (str(ended.status or ""), ended.reason) if word)
        super().__init__(f"transfer failed: {words}" if words else "transfer failed")
        self.status = ended.status
        """Final SIP status of the target, or of the REFER; 0 if none came."""
        self.reason = ended.reason


def transfer_outcome(ended: TransferEnded) -> Transferred:
    """Return how a transfer ended.  Raises TransferFailedError."""
    if not ended.ok:
        raise TransferFailedError(ended)
    return Transferred(ended.status, ended.reason)
