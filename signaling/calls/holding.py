"""Hold as data: who holds whom, what was asked for, and what we say of it in SDP (RFC 3264 8.4).

    idle ─hold─► starting ─music plays─► offering ─agreed or refused─► idle
      ├───────────────resume──────────────►┘
      └─hold, held already─► changing ─music plays─► idle

One wish is worked at a time.  Those that come meanwhile wait, and the last of them is what the
owner wants: earlier ones that wanted the opposite are refused.
"""

from enum import StrEnum
from typing import Final

import msgspec

from bus.sources import AnySource, Music
from signaling.calls.waiting import Waiting


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Hold or resume, asked by an application or by another machine of the call."""

    local: bool
    """Hold the peer; False: take it back."""
    music: AnySource = Music()
    waiting: Waiting | None = None
    note: str = ""
    """Name of the machine that is told (``signaling.calls.hold.HELD``)."""


class Stage(StrEnum):
    """Where a wish is."""

    IDLE = "idle"
    STARTING = "starting"
    """The worker was asked for the music."""
    CHANGING = "changing"
    """The same while we hold already."""
    OFFERING = "offering"
    """The peer is being asked."""


class Cue(StrEnum):
    """What can happen to it."""

    HOLD = "hold"
    RESUME = "resume"
    CHANGE_MUSIC = "hold, held already"
    NOTHING_TO_DO = "resume, not held"
    PLAYING = "music plays"
    NOT_PLAYING = "music refused"
    AGREED = "peer agreed"
    REFUSED = "peer refused"


class Act(StrEnum):
    """What is done on the way."""

    START_MUSIC = "start music"
    STOP_MUSIC = "stop music"
    OFFER = "offer"
    SETTLE = "note who holds"
    GRANT = "reply Ok"
    REFUSE = "reply why not"


Cell = tuple[Stage, tuple[Act, ...]]

TABLE: Final[dict[Stage, dict[Cue, Cell]]] = {
    Stage.IDLE: {
        Cue.HOLD: (Stage.STARTING, (Act.START_MUSIC,)),
        Cue.RESUME: (Stage.OFFERING, (Act.OFFER,)),
        Cue.CHANGE_MUSIC: (Stage.CHANGING, (Act.START_MUSIC,)),
        Cue.NOTHING_TO_DO: (Stage.IDLE, (Act.GRANT,)),
    },
    Stage.STARTING: {
        Cue.PLAYING: (Stage.OFFERING, (Act.OFFER,)),
        Cue.NOT_PLAYING: (Stage.IDLE, (Act.STOP_MUSIC, Act.REFUSE)),  # it may be late only
    },
    Stage.CHANGING: {
        Cue.PLAYING: (Stage.IDLE, (Act.GRANT,)),
        Cue.NOT_PLAYING: (Stage.IDLE, (Act.REFUSE,)),
    },
    Stage.OFFERING: {
        Cue.AGREED: (Stage.IDLE, (Act.SETTLE, Act.GRANT)),
        Cue.REFUSED: (Stage.IDLE, (Act.STOP_MUSIC, Act.REFUSE)),
    },
}
"""A missing cell is "nothing happens": an answer of the worker that came late."""

ASKED: Final[dict[tuple[bool, bool], Cue]] = {
    (True, False): Cue.HOLD,
    (True, True): Cue.CHANGE_MUSIC,
    (False, True): Cue.RESUME,
    (False, False): Cue.NOTHING_TO_DO,
}
"""What a wish is: (hold?, do we hold?)."""

SAID: Final[dict[tuple[bool, bool], str]] = {
    (False, False): "sendrecv",
    (False, True): "sendrecv",
    (True, False): "sendonly",
    (True, True): "inactive",
}
"""What we offer or want when we answer: (we hold?, the peer holds us?).

A peer that holds us answers a sendrecv with sendonly; only it may say that it takes us back.
"""


class Holding(msgspec.Struct, kw_only=True):
    """What a call remembers of it."""

    stage: Stage = Stage.IDLE
    local: bool = False
    """We hold the peer, which has agreed."""
    wish: Wish | None = None
    """The one that is worked."""
    wishes: list[Wish] = []
    """Those that wait for it."""
    told: tuple[bool, bool] = (False, False)
    """The last ``HoldChanged``: local, remote."""
