"""The session timer (RFC 4028): how long a session lives without a refresh, and who refreshes it.

Both sides take their share from each request and its 2xx:

    ask ──request──► grant          the UAS says how long and who, by the table ``REFRESHER``
    hear ◄───2xx─────┘              without an answer nothing is agreed, and nobody expires

A refresh is due at half of the interval.  Whoever has seen none ends the session some time before
the interval is over.  With a peer that knows no timers we refresh alone, to find out if it is gone.
"""

from enum import StrEnum
from typing import Final

import msgspec

from signaling.sip.intervals import delta_seconds, render_session_expires, session_expires
from signaling.sip.message import Header, Message, Request, Response, every, first

SOONEST: Final = 5.0
"""Seconds until a refresh, whatever the peer asks for (no interval should be below 90; 4)."""

BEFORE_THE_END: Final = 32
"""Seconds that a BYE comes before the interval is over, if they are not a third of it (10)."""

MOST_RAISES: Final = 5
"""422s that one call follows."""


class Role(StrEnum):
    """Of one request and its response."""

    UAC = "uac"
    UAS = "uas"


REFRESHER: Final[dict[tuple[bool, str], Role]] = {
    (False, ""): Role.UAS,
    (False, "uac"): Role.UAC,
    (False, "uas"): Role.UAS,
    (True, ""): Role.UAC,
    (True, "uac"): Role.UAC,
    (True, "uas"): Role.UAS,
}
"""Who refreshes: (the UAC supports timers?, whom it asked for), RFC 4028 table 2."""


class Wanted(msgspec.Struct, frozen=True):
    """What the settings say, seconds."""

    interval: int
    """0: only if the peer asks."""
    shortest: int


class SessionTimer(msgspec.Struct, kw_only=True):
    """What a call remembers of it."""

    interval: int = 0
    """Seconds that were agreed, 0: none."""
    ours: bool = True
    """We refresh."""
    mutual: bool = False
    """The peer (or a proxy) counts too: without a refresh it is gone in the end."""
    floor: int = 0
    """The greatest Min-SE that a 422 asked for, seconds."""
    raises: int = 0
    """How often one did."""


def ask(timer: SessionTimer, wanted: Wanted) -> list[Header]:
    """Return what an INVITE or UPDATE of ours says; who refreshes stays as it was (7.1, 7.4)."""
    interval = max(timer.interval or wanted.interval, timer.floor)
    if not interval:
        return []
    role = (Role.UAC if timer.ours else Role.UAS) if timer.interval else ""
    headers = [("Session-Expires", render_session_expires(interval, role))]
    if timer.floor:
        headers.append(("Min-SE", str(timer.floor)))
    return headers


def hear(timer: SessionTimer, response: Response) -> None:
    """Take the 2xx to an INVITE or UPDATE of ours (7.2)."""
    timer.interval, refresher = session_expires(first(response, "Session-Expires") or "")
    timer.mutual = timer.interval > 0
    timer.ours = not timer.interval or refresher != Role.UAS


def raised(timer: SessionTimer, wanted: Wanted, response: Response) -> bool:
    """Whether a 422 to a request of ours asks for more, which the next one will say (7.3)."""
    floor = delta_seconds(first(response, "Min-SE") or "")
    asked = max(timer.floor, timer.interval or wanted.interval)
    if floor <= asked or timer.raises == MOST_RAISES:
        return False
    timer.floor, timer.raises = floor, timer.raises + 1
    return True


def too_brief(request: Request, wanted: Wanted) -> bool:
    """Whether a request is to be refused with 422: its sender understands that (9)."""
    interval, _ = session_expires(first(request, "Session-Expires") or "")
    return _supports(request) and 0 < interval < wanted.shortest


def grant(timer: SessionTimer, wanted: Wanted, request: Request) -> list[Header]:
    """Return what our 2xx says to an INVITE or UPDATE, and keep to it (9)."""
    asked, role = session_expires(first(request, "Session-Expires") or "")
    floor = max(delta_seconds(first(request, "Min-SE") or ""), wanted.shortest)
    ours = max(wanted.interval, floor) if wanted.interval else 0
    timer.interval = min(asked or ours, ours or asked)
    timer.mutual = _supports(request)
    refresher = REFRESHER[timer.mutual, role]
    timer.ours = not timer.interval or refresher is Role.UAS
    if not timer.interval:
        return []
    headers = [("Session-Expires", render_session_expires(timer.interval, refresher))]
    if refresher is Role.UAC:
        headers.append(("Require", "timer"))
    return headers


def refresh_after(timer: SessionTimer, wanted: Wanted) -> float:
    """Return in how many seconds we refresh, 0: we do not."""
    interval = timer.interval or wanted.interval
    return max(interval / 2, SOONEST) if interval and timer.ours else 0.0


def expires_after(timer: SessionTimer) -> float:
    """Return in how many seconds the session ends without a refresh, 0: never (10)."""
    return timer.interval - min(BEFORE_THE_END, timer.interval / 3) if timer.mutual else 0.0


def _supports(message: Message) -> bool:
    return any(tag.lower() == "timer" for tag in every(message, "Supported"))
