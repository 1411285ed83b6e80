"""INVITE client transaction (RFC 3261 17.1.1, with the Accepted state of RFC 6026 7.2)."""

from typing import ClassVar, Final

from signaling.transactions.machine import SAME, Act, Cell, Cue, State, Table, Timer
from signaling.transactions.otherwise import Sender

START: Final = Cell(State.CALLING, (Act.SEND,), (Timer.A, Timer.B))

_PROVISIONAL: Final = Cell(State.PROCEEDING, (Act.DELIVER,))
_ACCEPTED: Final = Cell(State.ACCEPTED, (Act.DELIVER,), (Timer.M,))
_FAILED: Final = Cell(State.COMPLETED, (Act.SEND_ACK, Act.DELIVER), (Timer.D,))
_BROKEN: Final = Cell(State.TERMINATED, (Act.REPORT_TRANSPORT_ERROR,))
_UNANSWERED: Final = Cell(State.TERMINATED, (Act.REPORT_TIMEOUT,))
_OVER: Final = Cell(State.TERMINATED)

TABLE: Final[Table] = {
    State.CALLING: {
        Timer.A: Cell(State.CALLING, (Act.SEND,), SAME),
        Timer.B: _UNANSWERED,
        Cue.PROVISIONAL: _PROVISIONAL,
        Cue.SUCCESS: _ACCEPTED,
        Cue.FAILURE: _FAILED,
        Cue.TRANSPORT_ERROR: _BROKEN,
    },
    # Nothing is sent here, so nothing can fail to be sent: the answer may come another way.
    State.PROCEEDING: {
        Timer.CANCEL_WAIT: _UNANSWERED,
        Cue.PROVISIONAL: Cell(State.PROCEEDING, (Act.DELIVER,), SAME),
        Cue.SUCCESS: _ACCEPTED,
        Cue.FAILURE: _FAILED,
        Cue.CANCELLED: Cell(State.PROCEEDING, (), (Timer.CANCEL_WAIT,)),
    },
    State.ACCEPTED: {
        Timer.M: _OVER,
        Cue.SUCCESS: Cell(State.ACCEPTED, (Act.DELIVER,), SAME),
    },
    State.COMPLETED: {
        Timer.D: _OVER,
        Cue.FAILURE: Cell(State.COMPLETED, (Act.SEND_ACK,), SAME),
        Cue.TRANSPORT_ERROR: _BROKEN,
    },
    State.TERMINATED: {},
}


class InviteClient(Sender, kw_only=True):
    """One INVITE on its way."""

    table: ClassVar[Table] = TABLE
    start: ClassVar[Cell] = START

    state: State = State.CALLING
