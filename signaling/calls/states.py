"""The life of a call, as two tables: calls we place and calls we are offered.

``OUTGOING`` and ``INCOMING`` say for each state and cue what the next state is and what is done on
the way.  A missing cell is "nothing happens": a response that came too late, a timer that lost its
race.  Whatever needs a decision (was the 2xx usable, may this 3xx be followed) is decided before,
and is a cue of its own.  What the acts do is in ``acts``.

``FINISH`` settles the outcome and closes the stream; the owner hears ``Ended`` as soon as that is
done, while SIP transactions may still linger in ABANDONED, CANCELLED, LEAVING or CLOSING.
"""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a call is."""

    PLACING = "placing"
    """Out: looking up the name, opening the stream."""
    CALLING = "calling"
    """Out: INVITE sent, nothing heard."""
    RINGING = "ringing"
    """Out: a provisional response was heard."""
    ABANDONED = "abandoned"
    """Out: given up before any response; CANCEL must wait for one (RFC 3261 9.1)."""
    CANCELLED = "cancelled"
    """Out: CANCEL sent, the INVITE's final response is awaited."""
    OFFERED = "offered"
    """In: the owner was told and ponders."""
    OPENING = "opening"
    """In: to be answered; the stream is being opened, or a PRACK is awaited (RFC 3262 3)."""
    ACCEPTED = "accepted"
    """In: 200 sent, ACK awaited."""
    LEAVING = "leaving"
    """In: hung up before the ACK; BYE must wait for it (RFC 3261 15)."""
    UP = "up"
    CLOSING = "closing"
    """Over for the owner; the last transactions and the stream are being finished."""


class Cue(StrEnum):
    """What can happen to a call."""

    READY = "ready"
    UNRESOLVED = "unresolved"
    STREAM_OPENED = "stream opened"
    STREAM_REFUSED = "stream refused"
    WORKER_LOST = "worker lost"
    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    UNUSABLE = "2xx unusable"
    FORK = "2xx of another fork"
    REDIRECTED = "3xx to follow"
    FAIL_OVER = "503 or no answer, and another server"
    CHALLENGED = "401/407 to answer"
    TOO_BRIEF = "422 to answer"
    FAILURE = "failure"
    TIMEOUT = "timeout"
    TRANSPORT = "transport error"
    RING_TIMEOUT = "ring timeout"
    ACK = "ACK"
    ACK_UNUSABLE = "ACK unusable"
    ACK_MISSING = "ACK missing"
    PRACK_MISSING = "PRACK missing"
    ANSWER_UNUSABLE = "re-INVITE answered unusably"
    DIALOG_GONE = "408/481 in the dialog"
    EXPIRED = "session expired"
    SILENT = "no RTP"
    CANCEL = "CANCEL"
    BYE = "BYE"
    RING = "ring"
    RING_WITH_MEDIA = "ring with media"
    ANSWER = "answer"
    REJECT = "reject"
    REDIRECT = "redirect"
    HANG_UP = "hang up"
    OWNER_LOST = "owner lost"


class Act(StrEnum):
    """What is done on the way to the next state."""

    SEND_INVITE = "send INVITE"
    SEND_AGAIN = "send INVITE with credentials"
    SEND_ELSEWHERE = "send INVITE to next server"
    FOLLOW = "take next target"
    SEND_ACK = "send ACK"
    SEND_CANCEL = "send CANCEL"
    SEND_BYE = "send BYE"
    REFUSE_FORK = "ACK and BYE the fork"
    ADOPT = "adopt dialog"
    AIM = "aim stream"
    OPEN_STREAM = "open stream"
    OPEN_EARLY = "open stream for early media"
    SEND_PROVISIONAL = "send 1xx"
    SEND_EARLY = "send 1xx with description"
    FORGO_EARLY = "forgo early media"
    SEND_ANSWER = "send 200"
    SEND_FINAL = "send final"
    TELL_PROGRESS = "tell progress"
    TELL_ANSWERED = "tell answered"
    FINISH = "finish"


Step = tuple[State, tuple[Act, ...]]
Table = dict[State, dict[Cue, Step]]

_OVER: Final[Step] = (State.CLOSING, (Act.FINISH,))
_GONE: Final[Step] = (State.CLOSING, ())
_BYE: Final[Step] = (State.CLOSING, (Act.SEND_BYE, Act.FINISH))
_TOO_LATE: Final[Step] = (State.CLOSING, (Act.ADOPT, Act.SEND_ACK, Act.SEND_BYE))
_REFUSED: Final[Step] = (State.CLOSING, (Act.SEND_FINAL, Act.FINISH))
_ABANDON: Final[Step] = (State.ABANDONED, (Act.FINISH,))
_CANCEL: Final[Step] = (State.CANCELLED, (Act.SEND_CANCEL, Act.FINISH))
_LEAVE: Final[Step] = (State.LEAVING, (Act.FINISH,))

_FINAL: Final[dict[Cue, Step]] = {
    Cue.SUCCESS: (State.UP, (Act.ADOPT, Act.SEND_ACK, Act.AIM, Act.TELL_ANSWERED)),
    Cue.UNUSABLE: (State.CLOSING, (Act.ADOPT, Act.SEND_ACK, Act.SEND_BYE, Act.FINISH)),
    Cue.CHALLENGED: (State.CALLING, (Act.SEND_AGAIN,)),
    Cue.TOO_BRIEF: (State.CALLING, (Act.SEND_AGAIN,)),
    Cue.FAIL_OVER: (State.CALLING, (Act.SEND_ELSEWHERE,)),
    Cue.REDIRECTED: (State.PLACING, (Act.FOLLOW,)),
    Cue.FAILURE: _OVER,
    Cue.TIMEOUT: _OVER,
    Cue.TRANSPORT: _OVER,
}
_FINAL_UNWANTED: Final[dict[Cue, Step]] = {
    Cue.SUCCESS: _TOO_LATE,
    Cue.UNUSABLE: _TOO_LATE,
    Cue.CHALLENGED: _GONE,
    Cue.TOO_BRIEF: _GONE,
    Cue.FAIL_OVER: _GONE,
    Cue.REDIRECTED: _GONE,
    Cue.FAILURE: _GONE,
    Cue.TIMEOUT: _GONE,
    Cue.TRANSPORT: _GONE,
}
_UP: Final[dict[Cue, Step]] = {
    Cue.SUCCESS: (State.UP, (Act.SEND_ACK,)),
    Cue.FORK: (State.UP, (Act.REFUSE_FORK,)),
    Cue.BYE: _OVER,
    Cue.HANG_UP: _BYE,
    Cue.OWNER_LOST: _BYE,
    Cue.WORKER_LOST: _BYE,
    Cue.ANSWER_UNUSABLE: _BYE,
    Cue.ACK_UNUSABLE: _BYE,
    Cue.ACK_MISSING: _BYE,
    Cue.DIALOG_GONE: _BYE,  # RFC 3261 12.2.1.2
    Cue.EXPIRED: _BYE,  # RFC 4028 10
    Cue.SILENT: _BYE,
}
_CLOSING: Final[dict[Cue, Step]] = {
    Cue.SUCCESS: (State.CLOSING, (Act.SEND_ACK,)),
    Cue.FORK: (State.CLOSING, (Act.REFUSE_FORK,)),
}

OUTGOING: Final[Table] = {
    State.PLACING: {
        Cue.READY: (State.CALLING, (Act.SEND_INVITE,)),
        Cue.REDIRECTED: (State.PLACING, (Act.FOLLOW,)),
        Cue.UNRESOLVED: _OVER,
        Cue.STREAM_REFUSED: _OVER,
        Cue.WORKER_LOST: (State.PLACING, (Act.OPEN_STREAM,)),  # on another one: nobody was told
        Cue.HANG_UP: _OVER,
        Cue.OWNER_LOST: _OVER,
        Cue.RING_TIMEOUT: _OVER,
    },
    State.CALLING: _FINAL
    | {
        Cue.PROVISIONAL: (State.RINGING, (Act.TELL_PROGRESS,)),
        Cue.HANG_UP: _ABANDON,
        Cue.OWNER_LOST: _ABANDON,
        Cue.WORKER_LOST: _ABANDON,
        Cue.RING_TIMEOUT: _ABANDON,
    },
    State.RINGING: _FINAL
    | {
        Cue.PROVISIONAL: (State.RINGING, (Act.TELL_PROGRESS,)),
        Cue.HANG_UP: _CANCEL,
        Cue.OWNER_LOST: _CANCEL,
        Cue.WORKER_LOST: _CANCEL,
        Cue.RING_TIMEOUT: _CANCEL,
    },
    State.ABANDONED: _FINAL_UNWANTED | {Cue.PROVISIONAL: (State.CANCELLED, (Act.SEND_CANCEL,))},
    State.CANCELLED: _FINAL_UNWANTED,
    State.UP: _UP,
    State.CLOSING: _CLOSING,
}

_UNANSWERED: Final[dict[Cue, Step]] = {
    Cue.REJECT: _REFUSED,
    Cue.REDIRECT: _REFUSED,
    Cue.HANG_UP: _REFUSED,
    Cue.OWNER_LOST: _REFUSED,
    Cue.CANCEL: _REFUSED,
    Cue.BYE: _REFUSED,
    Cue.RING_TIMEOUT: _REFUSED,
    Cue.PRACK_MISSING: _REFUSED,
}

INCOMING: Final[Table] = {
    State.OFFERED: _UNANSWERED
    | {
        Cue.RING: (State.OFFERED, (Act.SEND_PROVISIONAL,)),
        Cue.RING_WITH_MEDIA: (State.OFFERED, (Act.OPEN_EARLY,)),
        Cue.STREAM_OPENED: (State.OFFERED, (Act.SEND_EARLY,)),
        Cue.STREAM_REFUSED: (State.OFFERED, (Act.FORGO_EARLY,)),
        Cue.WORKER_LOST: _REFUSED,
        Cue.ANSWER: (State.OPENING, (Act.OPEN_STREAM,)),
    },
    State.OPENING: _UNANSWERED
    | {
        Cue.STREAM_OPENED: (State.ACCEPTED, (Act.SEND_ANSWER,)),
        Cue.STREAM_REFUSED: _REFUSED,
        Cue.WORKER_LOST: (State.OPENING, (Act.OPEN_STREAM,)),  # on another one: nobody was told
    },
    State.ACCEPTED: {
        Cue.ACK: (State.UP, (Act.TELL_ANSWERED,)),
        Cue.ACK_UNUSABLE: _BYE,
        Cue.ACK_MISSING: _BYE,
        Cue.BYE: _OVER,
        Cue.HANG_UP: _LEAVE,
        Cue.OWNER_LOST: _LEAVE,
        Cue.WORKER_LOST: _LEAVE,
    },
    State.LEAVING: {
        Cue.ACK: (State.CLOSING, (Act.SEND_BYE,)),
        Cue.ACK_UNUSABLE: (State.CLOSING, (Act.SEND_BYE,)),
        Cue.ACK_MISSING: (State.CLOSING, (Act.SEND_BYE,)),
        Cue.BYE: _GONE,
    },
    State.UP: _UP,
    State.CLOSING: {},
}
