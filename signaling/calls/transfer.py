"""Transfers as data and as two tables: those we ask for, and those we are asked for (RFC 5589).

``TRANSFEROR`` is walked in ``transferor``, ``TRANSFEREE`` in ``transferee``.  A missing cell is
"nothing happens": a NOTIFY after we gave up, a decision that came too late.
"""

from enum import StrEnum
from typing import Final

import msgspec

from bus.calls import OnOwnerLost
from bus.ids import CallId, PeerId
from bus.sources import AnySource, Music
from signaling.dialogs.dialog import Dialog
from signaling.dialogs.subscription import Subscription
from signaling.sip.flow import Flow
from signaling.sip.message import Header, Request
from signaling.sip.referring import ReferTo


class Stage(StrEnum):
    """Where a transfer that we ask for is."""

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
    SILENCED = "2xx with Refer-Sub: false"
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
    Stage.ASKED: {
        Cue.GRANTED: (Stage.GRANTED, ()),
        Cue.SILENCED: _DONE,
        Cue.REFUSED: _FAILED,
        Cue.PROGRESS: (Stage.ASKED, (Act.TELL_PROGRESS,)),
        Cue.SUCCESS: _DONE,
        Cue.FAILURE: _FAILED,
        Cue.UNROUTABLE: (Stage.ASKED, (Act.REFER,)),
        Cue.MUTE: _FAILED,
        Cue.TIMEOUT: _FAILED,
        Cue.CANCEL: _FAILED,
        Cue.HUNG_UP: (Stage.LATE, (Act.WAIT,)),
        Cue.GONE: _FAILED,
    },
    Stage.GRANTED: {
        Cue.PROGRESS: (Stage.GRANTED, (Act.TELL_PROGRESS,)),
        Cue.SUCCESS: _DONE,
        Cue.FAILURE: _FAILED,
        Cue.UNROUTABLE: (Stage.ASKED, (Act.REFER,)),
        Cue.MUTE: _FAILED,
        Cue.TIMEOUT: _FAILED,
        Cue.CANCEL: _FAILED,
        Cue.HUNG_UP: (Stage.LATE, (Act.WAIT,)),
        Cue.GONE: _FAILED,
    },
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


# ------------------------------------------------------------------------------ asked of us


class Turn(StrEnum):
    """Where a transfer that we are asked for is."""

    ASKED = "asked"
    """The owner ponders."""
    FOLLOWING = "following"
    """The new call is being placed."""
    REACHED = "reached"
    """The new call is up, and the last NOTIFY is out."""
    FAILED = "failed"
    """The new call is not, and the last NOTIFY is out."""
    PARTING = "parting"
    """Told; whoever asked may hang up now."""
    OVER = "over"


class Word(StrEnum):
    """What can happen to it."""

    ACCEPT = "accept"
    DECLINE = "decline"
    SILENCE = "no decision"
    PROGRESS = "1xx"
    ANSWERED = "answered"
    FAILED = "not answered"
    TOLD = "last NOTIFY answered"
    GONE = "old call ended"
    PARTED = "no BYE"


class Deed(StrEnum):
    """What is done on the way."""

    GRANT = "send 202"
    REFUSE = "refuse REFER"
    NOTIFY = "send NOTIFY"
    NOTIFY_LAST = "send last NOTIFY"
    WAIT = "wait for BYE"
    HANG_UP = "send BYE"


TRANSFEREE: Final[dict[Turn, dict[Word, tuple[Turn, tuple[Deed, ...]]]]] = {
    Turn.ASKED: {
        Word.ACCEPT: (Turn.FOLLOWING, (Deed.GRANT, Deed.NOTIFY)),
        Word.DECLINE: (Turn.OVER, (Deed.REFUSE,)),
        Word.SILENCE: (Turn.OVER, (Deed.REFUSE,)),
        Word.GONE: (Turn.OVER, (Deed.REFUSE,)),
    },
    Turn.FOLLOWING: {
        Word.PROGRESS: (Turn.FOLLOWING, (Deed.NOTIFY,)),
        Word.ANSWERED: (Turn.REACHED, (Deed.NOTIFY_LAST,)),
        Word.FAILED: (Turn.FAILED, (Deed.NOTIFY_LAST,)),
    },
    Turn.REACHED: {Word.TOLD: (Turn.PARTING, (Deed.WAIT,))},
    Turn.FAILED: {Word.TOLD: (Turn.OVER, ())},
    Turn.PARTING: {
        Word.GONE: (Turn.OVER, ()),
        Word.PARTED: (Turn.OVER, (Deed.HANG_UP,)),
    },
    Turn.OVER: {},
}


class Notice(msgspec.Struct, frozen=True):
    """What is to be said in a NOTIFY."""

    status: int
    reason: str
    last: bool = False


class Referral(msgspec.Struct, kw_only=True):
    """A transfer that somebody asks us for."""

    id: str
    call: CallId
    """In whose dialog; empty: out of any."""
    owner: PeerId
    on_owner_lost: OnOwnerLost
    refer: Request
    key: str
    """Transaction of the REFER."""
    to: ReferTo
    referred_by: str
    silent: bool
    """No NOTIFY is wanted (Refer-Sub: false)."""
    subscription: Subscription
    turn: Turn = Turn.ASKED
    dialog: Dialog | None = None
    """Of a REFER out of any dialog."""
    flow: Flow
    """Where the REFER came from."""
    listener: str
    domains: tuple[str, ...]
    """Hosts of whoever asks."""
    new_call: CallId = CallId("")
    notifying: bool = False
    """A NOTIFY has no answer yet; the next waits, or they would overtake each other."""
    next_notice: Notice | None = None
    deadline: float = 0.0
    """Of what is waited for: the decision, then the BYE."""
