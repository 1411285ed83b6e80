"""The life of one registration with a registrar (RFC 3261 10.2), as a table.

    trying ──200──► registered ──refresh──► registered ...
       ├─ failure ► failing ──back-off──► trying        │ unregister
       └─ refusal ► rejected (nothing more is sent)     ▼
                                           ending ──► ended

What the acts do is in ``registering``.
"""

from enum import StrEnum
from typing import Final

import msgspec

from bus.ids import PeerId
from bus.registrations import RegistrationInfo
from signaling.sip.flow import Flow
from signaling.sip.message import Header


class State(StrEnum):
    """Where a registration is; the public names."""

    TRYING = "trying"
    REGISTERED = "registered"
    FAILING = "failing"
    REJECTED = "rejected"
    ENDING = "ending"
    ENDED = "ended"


class Cue(StrEnum):
    """What can happen to it."""

    ACCEPTED = "2xx"
    FAILED = "no answer, 408, 5xx"
    REFUSED = "other 4xx, 6xx"
    DUE = "timer"
    STOP = "unregister"


class Act(StrEnum):
    """What is done on the way."""

    SEND = "send REGISTER"
    REMOVE = "send REGISTER with expires 0"
    WAIT_REFRESH = "wait until refresh"
    WAIT_RETRY = "wait back-off"
    TELL = "tell"


Step = tuple[State, tuple[Act, ...]]

_REFUSED: Final[Step] = (State.REJECTED, (Act.TELL,))
_FAILED: Final[Step] = (State.FAILING, (Act.WAIT_RETRY, Act.TELL))
_REMOVE: Final[Step] = (State.ENDING, (Act.REMOVE, Act.TELL))
_OVER: Final[Step] = (State.ENDED, (Act.TELL,))
_HELD: Final[Step] = (State.REGISTERED, (Act.WAIT_REFRESH, Act.TELL))

TABLE: Final[dict[State, dict[Cue, Step]]] = {
    State.TRYING: {
        Cue.ACCEPTED: _HELD,
        Cue.FAILED: _FAILED,
        Cue.REFUSED: _REFUSED,
        Cue.STOP: _REMOVE,
    },
    State.REGISTERED: {
        Cue.DUE: (State.REGISTERED, (Act.SEND,)),
        Cue.ACCEPTED: _HELD,
        Cue.FAILED: _FAILED,
        Cue.REFUSED: _REFUSED,
        Cue.STOP: _REMOVE,
    },
    State.FAILING: {
        Cue.DUE: (State.TRYING, (Act.SEND,)),
        Cue.STOP: _REMOVE,
    },
    State.REJECTED: {Cue.STOP: _OVER},
    State.ENDING: {Cue.ACCEPTED: _OVER, Cue.FAILED: _OVER, Cue.REFUSED: _OVER},
    State.ENDED: {},
}


class Registration(msgspec.Struct, kw_only=True):
    """One address of record at one registrar."""

    aor: str
    registrar: str
    owner: PeerId
    user: str
    password: str
    expires: int
    """Seconds we ask for."""
    raises: int = 0
    """How often a 423 asked for more since it was last accepted."""
    headers: tuple[Header, ...]
    call_id: str
    tag: str
    listener: str
    contact: str
    """Name-addr that we register."""
    former: str = ""
    """Contact to be removed in the same request."""
    realm: str = ""
    """Whose challenge was answered."""
    flow: Flow | None = None
    """The way the last answer came."""
    state: State = State.TRYING
    cseq: int = 0
    failures: int = 0
    expires_at: float = 0.0
    due_at: float = 0.0
    """When the timer is true."""
    retry_after: float = 0.0
    status: int = 0
    reason: str = ""

    def info(self) -> RegistrationInfo:
        """Describe it for applications."""
        return RegistrationInfo(
            aor=self.aor,
            registrar=self.registrar,
            state=self.state.value,
            owner=self.owner,
            contact=self.contact,
            expires_at=self.expires_at if self.state is State.REGISTERED else 0.0,
            status=self.status,
            reason=self.reason,
        )
