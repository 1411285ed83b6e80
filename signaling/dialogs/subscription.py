"""The subscription that a REFER makes without asking (RFC 3515 2.4.4, RFC 6665), both roles.

    ASKED ──2xx or the first NOTIFY──► ACTIVE ──NOTIFY terminated, 481, time──► OVER
      └──refused, or Refer-Sub: false──────────────────────────────────────────►┘

The first NOTIFY may be here before the response to the REFER.  A second REFER in a dialog makes a
second subscription; which one a NOTIFY belongs to says the ``id`` of its Event, the CSeq number of
the REFER (RFC 3515 2.4.6).  It outlives the BYE of its dialog's call.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from signaling.sip.errors import RemoteError
from signaling.sip.headers import parse_cseq
from signaling.sip.message import Header, Message, Request, first
from signaling.sip.referring import (
    REFER_EVENT,
    SIPFRAG,
    SubscriptionState,
    parse_event,
    parse_sipfrag,
    parse_subscription_state,
    refers_silently,
    render_subscription_state,
)
from signaling.sip.validate import media_type

NO_RESOURCE: Final = "noresource"
"""Nothing more can be said of what the REFER asked for (RFC 3515 2.4.7)."""


class Phase(StrEnum):
    """Where a subscription is."""

    ASKED = "asked"
    ACTIVE = "active"
    OVER = "over"


class Cue(StrEnum):
    """What can happen to a subscription."""

    GRANTED = "2xx to REFER"
    SILENCED = "2xx without subscription"
    REFUSED = "REFER refused"
    NOTIFIED = "NOTIFY active"
    TERMINATED = "NOTIFY terminated"
    EXPIRED = "expired"
    UNKNOWN = "NOTIFY refused"


Table = dict[Phase, dict[Cue, Phase]]

SUBSCRIBER: Final[Table] = {
    Phase.ASKED: {
        Cue.GRANTED: Phase.ACTIVE,
        Cue.SILENCED: Phase.OVER,
        Cue.REFUSED: Phase.OVER,
        Cue.NOTIFIED: Phase.ACTIVE,
        Cue.TERMINATED: Phase.OVER,
    },
    Phase.ACTIVE: {
        Cue.GRANTED: Phase.ACTIVE,
        Cue.SILENCED: Phase.ACTIVE,
        Cue.REFUSED: Phase.OVER,
        Cue.NOTIFIED: Phase.ACTIVE,
        Cue.TERMINATED: Phase.OVER,
        Cue.EXPIRED: Phase.OVER,
    },
    Phase.OVER: {},
}

NOTIFIER: Final[Table] = {
    Phase.ASKED: {
        Cue.GRANTED: Phase.ACTIVE,
        Cue.SILENCED: Phase.OVER,
        Cue.REFUSED: Phase.OVER,
    },
    Phase.ACTIVE: {
        Cue.NOTIFIED: Phase.ACTIVE,
        Cue.TERMINATED: Phase.OVER,
        Cue.UNKNOWN: Phase.OVER,
        Cue.EXPIRED: Phase.OVER,
    },
    Phase.OVER: {},
}


class Subscription(msgspec.Struct, kw_only=True):
    """One REFER's worth of NOTIFYs."""

    number: int
    """CSeq number of the REFER: the ``id``."""
    named: bool = False
    """Each NOTIFY must say the ``id``: this is not the first REFER of its dialog."""
    phase: Phase = Phase.ASKED
    expires_at: float | None = None
    """The instant at which it is over if nothing more is heard."""


class Heard(msgspec.Struct, frozen=True):
    """What a NOTIFY says."""

    cue: Cue
    """NOTIFIED or TERMINATED."""
    status: int = 0
    """Of what the REFER asked for; 0: it does not say."""
    reason: str = ""
    expires: int | None = None


def step(table: Table, subscription: Subscription, cue: Cue) -> bool:
    """Take one step; False if the phase has no cell for the cue."""
    phase = table[subscription.phase].get(cue)
    if phase is None:
        return False
    subscription.phase = phase
    return True


def subscription_of(refer: Request, *, named: bool = False) -> Subscription:
    """Make the subscription of a REFER, sent or received."""
    return Subscription(number=parse_cseq(first(refer, "CSeq") or "").number, named=named)


def granted(response: Message) -> Cue:
    """Say what a 2xx to a REFER grants."""
    return Cue.SILENCED if refers_silently(response) else Cue.GRANTED


def find(subscriptions: Iterable[Subscription], notify: Request) -> Subscription:
    """Return the subscription a NOTIFY belongs to; one without ``id`` belongs to the latest.

    Raises RemoteError: 489 for another event, 481 if there is none.
    """
    package, number = parse_event(first(notify, "Event") or "")
    if package != REFER_EVENT:
        raise RemoteError(489, "")
    wanted = [s for s in subscriptions if not number or str(s.number) == number]
    if not wanted or wanted[-1].phase is Phase.OVER:
        raise RemoteError(481, "")
    return wanted[-1]


def read(notify: Request) -> Heard:
    """Read a NOTIFY.  Raises RemoteError: 415 for a body that is no sipfrag.

    One without Subscription-State, from an old phone, is over when it has a final status.
    """
    if notify.body and media_type(first(notify, "Content-Type") or "") != SIPFRAG:
        raise RemoteError(415, "")
    status, reason = parse_sipfrag(notify.body) or (0, "")
    value = first(notify, "Subscription-State")
    if value is None:
        return Heard(Cue.TERMINATED if status >= 200 else Cue.NOTIFIED, status, reason)
    state = parse_subscription_state(value)
    cue = Cue.TERMINATED if state.state == "terminated" else Cue.NOTIFIED
    return Heard(cue, status, reason, state.expires)


def notify_headers(subscription: Subscription, *, expires: int | None) -> list[Header]:
    """Make the header fields of a NOTIFY; ``expires`` in seconds, None: the last one."""
    event = f"{REFER_EVENT};id={subscription.number}" if subscription.named else REFER_EVENT
    state = (
        SubscriptionState(state="terminated", reason=NO_RESOURCE)
        if expires is None
        else SubscriptionState(state="active", expires=max(expires, 0))
    )
    return [("Event", event), ("Subscription-State", render_subscription_state(state))]
