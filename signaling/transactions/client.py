"""Non-INVITE client transaction (RFC 3261 17.1.2)."""

from typing import ClassVar, Final

from signaling.transactions.machine import SAME, Act, Cell, Cue, State, Table, Timer
from signaling.transactions.otherwise import Sender

START: Final = Cell(State.TRYING, (Act.SEND,), (Timer.E, Timer.F))

_ANSWERED: Final = Cell(State.COMPLETED, (Act.DELIVER,), (Timer.K,))
_BROKEN: Final = Cell(State.TERMINATED, (Act.REPORT_TRANSPORT_ERROR,))
_UNANSWERED: Final = Cell(State.TERMINATED, (Act.REPORT_TIMEOUT,))

TABLE: Final[Table] = {
    State.TRYING: {
        Timer.E: Cell(State.TRYING, (Act.SEND,), SAME),
        Timer.F: _UNANSWERED,
        Cue.PROVISIONAL: Cell(State.PROCEEDING, (Act.SLOW_DOWN, Act.DELIVER), SAME),
        Cue.FINAL: _ANSWERED,
        Cue.TRANSPORT_ERROR: _BROKEN,
    },
    State.PROCEEDING: {
        Timer.E: Cell(State.PROCEEDING, (Act.SEND,), SAME),
        Timer.F: _UNANSWERED,
        Cue.PROVISIONAL: Cell(State.PROCEEDING, (Act.DELIVER,), SAME),
        Cue.FINAL: _ANSWERED,
        Cue.TRANSPORT_ERROR: _BROKEN,
    },
    State.COMPLETED: {Timer.K: Cell(State.TERMINATED)},
    State.TERMINATED: {},
}


class Client(Sender, kw_only=True):
    """One request, not an INVITE, on its way."""

    table: ClassVar[Table] = TABLE
    start: ClassVar[Cell] = START

    state: State = State.TRYING
