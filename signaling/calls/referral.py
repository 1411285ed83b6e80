"""A transfer that somebody asks us for, as data and as a table (RFC 5589).

``refer`` takes it in, ``transferee`` walks the table, ``notifying`` tells how it goes.  A missing
cell is "nothing happens": a decision that came too late.
"""

from enum import StrEnum
from typing import Final

import msgspec

from bus.calls import OnOwnerLost
from bus.ids import CallId, PeerId
from signaling.dialogs.dialog import Dialog
from signaling.dialogs.subscription import Subscription
from signaling.sip.flow import Flow
from signaling.sip.message import Request
from signaling.sip.referring import ReferTo


class Turn(StrEnum):
    """Where it is."""

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


NOTHING: Final = Notice(0, "")


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
    domains: tuple[str, ...]
    """Hosts of whoever asks."""
    new_call: CallId = CallId("")
    notifying: bool = False
    """A NOTIFY has no answer yet; the next waits, or they would overtake each other."""
    next_notice: Notice | None = None
    deadline: float = 0.0
    """Of what is waited for: the decision, then the BYE."""
