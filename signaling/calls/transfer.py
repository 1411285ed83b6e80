"""A transfer that we ask for, as data and as a table (RFC 5589); ``transferor`` walks it.

A missing cell is "nothing happens": a NOTIFY after we gave up.
"""

from enum import StrEnum
from typing import Final

import msgspec

from bus.ids import CallId
from bus.sources import AnySource, Music
from signaling.sip.message import Header


class Stage(StrEnum):
    """Where it is."""

    WAITING = "waiting"
    """Attended: the other call is not answered yet."""
    HOLDING = "holding"
    """Those who are to talk to each other are being held."""
    ASKED = "asked"
    """REFER sent."""
    GRANTED = "granted"
    LATE = "late"
    """The peer hung up before it told; its last NOTIFY may be on the way."""
    OVER = "over"


class Cue(StrEnum):
    """What can happen to it."""

    TARGET_UP = "other call answered"
    TARGET_GONE = "other call ended"
    HELD = "held"
    NOT_HELD = "hold refused"
    GRANTED = "2xx to REFER"
    SILENCED = "2xx without subscription"
    REFUSED = "REFER refused"
    PROGRESS = "NOTIFY 1xx"
    SUCCESS = "NOTIFY 2xx"
    FAILURE = "NOTIFY failure"
    UNROUTABLE = "NOTIFY failure, another URI is left"
    MUTE = "subscription over, nothing told"
    TIMEOUT = "timeout"
    CANCEL = "cancel"
    HUNG_UP = "BYE"
    GONE = "call ended otherwise"


class Act(StrEnum):
    """What is done on the way."""

    HOLD = "hold both"
    REFER = "send REFER"
    TELL_PROGRESS = "tell progress"
    TELL_OK = "tell success"
    TELL_FAILED = "tell failure"
    RESUME = "resume both"
    WAIT = "wait for the last NOTIFY"
    PART = "give peers time for BYE"


Table = dict[Stage, dict[Cue, tuple[Stage, tuple[Act, ...]]]]

_FAILED: Final = (Stage.OVER, (Act.TELL_FAILED, Act.RESUME))
_DONE: Final = (Stage.OVER, (Act.TELL_OK, Act.PART))
_END: Final = (Stage.OVER, (Act.TELL_FAILED,))

_REFERRED: Final[dict[Cue, tuple[Stage, tuple[Act, ...]]]] = {
    Cue.SUCCESS: _DONE,
    Cue.FAILURE: _FAILED,
    Cue.UNROUTABLE: (Stage.ASKED, (Act.REFER,)),
    Cue.MUTE: _FAILED,
    Cue.TIMEOUT: _FAILED,
    Cue.CANCEL: _FAILED,
    Cue.HUNG_UP: (Stage.LATE, (Act.WAIT,)),
    Cue.GONE: _FAILED,
}

TRANSFEROR: Final[Table] = {
    Stage.WAITING: {
        Cue.TARGET_UP: (Stage.HOLDING, (Act.HOLD,)),
        Cue.TARGET_GONE: _END,
        Cue.TIMEOUT: _END,
        Cue.CANCEL: _END,
        Cue.HUNG_UP: _END,
        Cue.GONE: _END,
    },
    Stage.HOLDING: {
        Cue.HELD: (Stage.ASKED, (Act.REFER,)),
        Cue.NOT_HELD: _FAILED,
        Cue.TARGET_GONE: _FAILED,
        Cue.TIMEOUT: _FAILED,
        Cue.CANCEL: _FAILED,
        Cue.HUNG_UP: _FAILED,
        Cue.GONE: _FAILED,
    },
    Stage.ASKED: _REFERRED
    | {
        Cue.GRANTED: (Stage.GRANTED, ()),
        Cue.SILENCED: _DONE,
        Cue.REFUSED: _FAILED,
        Cue.PROGRESS: (Stage.ASKED, (Act.TELL_PROGRESS,)),
    },
    Stage.GRANTED: _REFERRED | {Cue.PROGRESS: (Stage.GRANTED, (Act.TELL_PROGRESS,))},
    Stage.LATE: {
        Cue.PROGRESS: (Stage.LATE, (Act.TELL_PROGRESS,)),
        Cue.SUCCESS: _DONE,
        Cue.FAILURE: _FAILED,
        Cue.UNROUTABLE: _FAILED,
        Cue.MUTE: _FAILED,
        Cue.REFUSED: _FAILED,
        Cue.TIMEOUT: _FAILED,
        Cue.CANCEL: _FAILED,
    },
    Stage.OVER: {},
}


class Transferring(msgspec.Struct, kw_only=True):
    """A transfer that we ask the peer of a call for."""

    stage: Stage
    targets: list[str]
    """Refer-To values that are still to be tried, best first."""
    headers: tuple[Header, ...] = ()
    other: CallId = CallId("")
    """Attended: whose peer it is to talk to."""
    hold: bool = True
    music: AnySource = Music()
    holding: list[CallId] = []
    """Calls whose peers have not agreed to be held yet."""
    held: list[CallId] = []
    """Calls that we hold for the transfer alone: to be resumed if it fails."""
    status: int = 0
    reason: str = ""
    """The last that was heard of the target, or of the REFER."""
