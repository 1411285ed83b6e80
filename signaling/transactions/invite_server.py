"""INVITE server transaction (RFC 3261 17.2.1, with the Accepted state of RFC 6026 7.1).

It starts in Proceeding: the TU sends 100 itself, at once.  The copies of a 2xx are the TU's job by
RFC 3261 13.3.1.4; here they are two timers of the Accepted state, which the TU ends by saying that
the ACK has come.  Transport errors move nothing (RFC 6026 7.1): the next copy may get through.
"""

from typing import ClassVar, Final

from signaling.transactions.machine import SAME, Act, Cell, Cue, Machine, State, Table, Timer

START: Final = Cell(State.PROCEEDING)

_OVER: Final = Cell(State.TERMINATED)
_SEND: Final = (Act.SEND,)
_UNACKNOWLEDGED: Final = (Timer.REPEAT_2XX, Timer.ACK_WAIT, Timer.L)

TABLE: Final[Table] = {
    State.PROCEEDING: {
        Cue.REQUEST: Cell(State.PROCEEDING, _SEND),
        Cue.PROVISIONAL: Cell(State.PROCEEDING, _SEND),
        Cue.SUCCESS: Cell(State.ACCEPTED, _SEND, _UNACKNOWLEDGED),
        Cue.FAILURE: Cell(State.COMPLETED, _SEND, (Timer.G, Timer.H)),
    },
    State.ACCEPTED: {
        Timer.REPEAT_2XX: Cell(State.ACCEPTED, _SEND, SAME),
        Timer.ACK_WAIT: Cell(State.ACCEPTED, (Act.REPORT_ACK_MISSING,), (Timer.L,)),
        Timer.L: _OVER,
        Cue.SUCCESS: Cell(State.ACCEPTED, _SEND, _UNACKNOWLEDGED),
        Cue.ACK: Cell(State.ACCEPTED, (Act.DELIVER,), SAME),
        Cue.ACKNOWLEDGED: Cell(State.ACCEPTED, (), (Timer.L,)),
    },
    State.COMPLETED: {
        Timer.G: Cell(State.COMPLETED, _SEND, SAME),
        Timer.H: _OVER,
        Cue.REQUEST: Cell(State.COMPLETED, _SEND, SAME),
        Cue.ACK: Cell(State.CONFIRMED, (), (Timer.I,)),
    },
    State.CONFIRMED: {Timer.I: _OVER},
    State.TERMINATED: {},
}


class InviteServer(Machine, kw_only=True):
    """One INVITE that we are to answer."""

    table: ClassVar[Table] = TABLE
    start: ClassVar[Cell] = START

    state: State = State.PROCEEDING
    identity: str = ""
    """By which a merged request is known (RFC 3261 8.2.2.2)."""
    to_tag: str = ""
    """Of the latest response, for an ACK from an RFC 2543 client."""
