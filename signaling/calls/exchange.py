"""An offer of ours in mid-call as data (RFC 3261 14.1): one at a time, the others wait.

idle ─ready─► sent ─2xx─► idle
│ └─refused─► idle
├─491 or 500 with Retry-After─► pausing ─due─► idle
└─overdue─► cancelled ─overdue─► idle
"""

from enum import StrEnum
from typing import Final

import msgspec

MOST_TRIES: Final = 6
"""re-INVITEs for one wish, glare and Retry-After together."""

PATIENCE: Final = 48
"""Times T1 until a re-INVITE without final response is cancelled; after 64 more it is given up."""

LONGEST_PAUSE: Final = 32
"""Seconds; a Retry-After above it is a refusal."""


class Stage(StrEnum):
    """Where our offer is."""

    IDLE = "idle"
    SENT = "sent"
    """Without a final response."""
    CANCELLED = "cancelled"
    """It took too long: CANCEL sent, the final response is awaited."""
    PAUSING = "pausing"
    """Refused for now, to be sent again."""


class Cue(StrEnum):
    """What can happen to it."""

    READY = "ready"
    ACCEPTED = "2xx"
    REFUSED = "refused"
    LATER = "491 or Retry-After"
    DUE = "due"


class Act(StrEnum):
    """What is done on the way."""

    SEND = "send re-INVITE"
    SETTLE = "take the answer"
    WITHDRAW = "withdraw the offer"
    PAUSE = "set timer"
    CANCEL = "send CANCEL"
    TELL = "tell who asked"
    AGAIN = "queue it again"


Cell = tuple[Stage, tuple[Act, ...]]

_OVER: Final[dict[Cue, Cell]] = {
    Cue.ACCEPTED: (Stage.IDLE, (Act.SETTLE,)),
    Cue.REFUSED: (Stage.IDLE, (Act.WITHDRAW, Act.TELL)),
    Cue.LATER: (Stage.PAUSING, (Act.WITHDRAW, Act.PAUSE)),
}

TABLE: Final[dict[Stage, dict[Cue, Cell]]] = {
    Stage.IDLE: {Cue.READY: (Stage.SENT, (Act.SEND,))},
    Stage.SENT: _OVER | {Cue.DUE: (Stage.CANCELLED, (Act.CANCEL,))},
    Stage.CANCELLED: _OVER,
    Stage.PAUSING: {Cue.DUE: (Stage.IDLE, (Act.AGAIN,))},
}


class Exchange(msgspec.Struct, kw_only=True):
    """What a call remembers of it."""

    stage: Stage = Stage.IDLE
    asker: str = ""
    """For whom the offer is made (``signaling.calls.offering.OFFERED``)."""
    wanted: list[str] = []
    """Who waits for an offer, in order."""
    tries: int = 0
    """For this asker so far."""


def pause_after_glare(fraction: float, *, owns_call_id: bool) -> float:
    """Return how long to wait after a 491, seconds in steps of 10 ms (RFC 3261 14.1)."""
    if owns_call_id:
        return (210 + int(fraction * 191)) / 100
    return int(fraction * 201) / 100
