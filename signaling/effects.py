"""What goes into the core and what comes out of it.

    inputs   Started  Received  FromClient  FromWorker  ...    agent.feed(input, now, entropy)
    effects  Send  ToClient  ToWorker  Publish  Resolve  Exit   ... -> list[Effect]

Both are plain values: a recorded list of inputs (with the instants and the random bytes that went
with them) replays to the same list of effects.
"""

import msgspec

from signaling.locating import Answer, Question
from signaling.sip.flow import Flow


class Tagged(msgspec.Struct, tag=True, frozen=True):
    """Base of inputs and effects; the tag is the class name."""


# ------------------------------------------------------------------------------------ inputs


class Received(Tagged, frozen=True):
    """One SIP message, framed but not parsed."""

    flow: Flow
    datagram: bytes


class Malformed(Tagged, frozen=True):
    """A stream connection sent what cannot be framed; the shell closes it after our answer."""

    flow: Flow
    head: bytes
    reason: str
    status: int = 400


class TransportFailed(Tagged, frozen=True):
    """A datagram could not be sent, or a connection could not be opened or broke."""

    flow: Flow
    reason: str


class Resolved(Tagged, frozen=True):
    """Answers to ``Resolve``, one to each of its questions."""

    token: str
    answers: tuple[Answer, ...]


class FromClient(Tagged, frozen=True):
    """A frame on the control socket; ``identity`` names its sender for answers (hex)."""

    identity: str
    frame: bytes


class ClientOverflowed(Tagged, frozen=True):
    """A client reads too slowly: its queue was dropped and it wants a snapshot."""

    identity: str


class FromWorker(Tagged, frozen=True):
    """A frame on the workers' socket."""

    identity: str
    frame: bytes


class WorkerDied(Tagged, frozen=True):
    """The kernel says that this process is gone."""

    pid: int


class Woken(Tagged, frozen=True):
    """``deadline()`` has come."""


class DrainAsked(Tagged, frozen=True):
    """Take no new calls; ``Exit`` follows when the last one is gone or after ``seconds``."""

    seconds: float
    reason: str


Input = (
    Received
    | Malformed
    | TransportFailed
    | Resolved
    | FromClient
    | ClientOverflowed
    | FromWorker
    | WorkerDied
    | Woken
    | DrainAsked
)

# ----------------------------------------------------------------------------------- effects


class Send(Tagged, frozen=True):
    """Put a SIP message on the wire."""

    flow: Flow
    datagram: bytes


class KeepOpen(Tagged, frozen=True):
    """Keep a flow open for so many seconds (RFC 5626): a peer may send us requests over it."""

    flow: Flow
    seconds: float


class Resolve(Tagged, frozen=True):
    """Look names up; ``Resolved`` answers with the same token."""

    token: str
    questions: tuple[Question, ...]


class ToClient(Tagged, frozen=True):
    """A frame for a client; an event may be dropped for a snapshot, a reply may not."""

    identity: str
    frame: bytes
    event: bool = False


class ToWorker(Tagged, frozen=True):
    """A frame for a worker."""

    identity: str
    frame: bytes


class WatchWorker(Tagged, frozen=True):
    """Report the death of this process with ``WorkerDied``."""

    pid: int


class Publish(Tagged, frozen=True):
    """An event for the public feed."""

    topic: str
    frame: bytes


class ShowTrace(Tagged, frozen=True):
    """Answer a client's request with the remembered messages of a SIP Call-ID."""

    identity: str
    request: int
    sip_call_id: str


class Log(Tagged, frozen=True):
    """Something an operator should know."""

    level: str
    text: str


class Exit(Tagged, frozen=True):
    """All calls are over after ``DrainAsked``."""


Effect = (
    Send | KeepOpen | Resolve | ToClient | ToWorker | WatchWorker | Publish | ShowTrace | Log | Exit
)
