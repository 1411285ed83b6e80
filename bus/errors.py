"""Refusal codes on the wire and the exceptions they are at either end.

OffhookError
├── RefusedError              a request was refused; .code, .reason
│   ├── BadRequestError       bad_request       an argument is wrong; the reason names which
│   ├── UnknownVerbError      unknown_verb      the receiver does not know this body
│   ├── NotFoundError         not_found         no such call, stream or worker
│   ├── WrongStateError       wrong_state       the call is not in a state for this
│   ├── TooLateError          too_late          the deadline had passed; nothing was done
│   ├── StaleSessionError     stale_session     either side was restarted; say hello again
│   ├── NoCapacityError       no_capacity       no worker, port or row is free
│   ├── BadSourceError        bad_source        a sound file is missing or is not one
│   ├── ForbiddenError        forbidden         the role or a policy does not allow it
│   └── PeerRefusedError      peer_refused      the other party said no; the reason has its status
├── EngineLostError           the process at the other end went away
├── FrameError                bytes that are no frame of this bus; says where
├── SettingsError             a setting is misspelt, missing or out of range; says which
└── LaunchError               a process could not be started, or gave up while starting
"""

from typing import ClassVar


class OffhookError(Exception):
    """Base of everything this engine raises on purpose."""


class RefusedError(OffhookError):
    """The other side understood the request and did not apply it."""

    code: ClassVar[str] = "refused"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BadRequestError(RefusedError):
    """An argument is wrong; the reason names which one and why."""

    code = "bad_request"


class UnknownVerbError(RefusedError):
    """The receiver does not know this verb."""

    code = "unknown_verb"


class NotFoundError(RefusedError):
    """No such call, stream or worker."""

    code = "not_found"


class WrongStateError(RefusedError):
    """The call is not in a state in which this can be done."""

    code = "wrong_state"


class TooLateError(RefusedError):
    """The deadline had passed when the request arrived; nothing was done."""

    code = "too_late"


class StaleSessionError(RefusedError):
    """One side was restarted since the session began; say hello again."""

    code = "stale_session"


class NoCapacityError(RefusedError):
    """No worker, port or row is free."""

    code = "no_capacity"


class BadSourceError(RefusedError):
    """A sound file is missing, unreadable or not a sound file."""

    code = "bad_source"


class ForbiddenError(RefusedError):
    """The role or a policy does not allow it."""

    code = "forbidden"


class PeerRefusedError(RefusedError):
    """The other party refused, or did not answer; the reason begins with the SIP status."""

    code = "peer_refused"


class EngineLostError(OffhookError):
    """The process at the other end went away."""


class FrameError(OffhookError):
    """Bytes that are no frame of this bus."""


class SettingsError(OffhookError):
    """A setting is misspelt, missing or out of range."""


class LaunchError(OffhookError):
    """A process could not be started, or gave up while starting."""


BY_CODE: dict[str, type[RefusedError]] = {kind.code: kind for kind in RefusedError.__subclasses__()}


def refusal(code: str, reason: str) -> RefusedError:
    """Return the exception of a code; one from a newer engine is a plain ``RefusedError``."""
    return BY_CODE.get(code, RefusedError)(reason)
