"""Non-INVITE server transaction (RFC 3261 17.2.2)."""

from typing import ClassVar, Final

from signaling.transactions.machine import SAME, Act, Cell, Cue, Machine, State, Table, Timer

START: Final = Cell(State.TRYING)

_SEND: Final = (Act.SEND,)
_PROVISIONAL: Final = Cell(State.PROCEEDING, _SEND)
_FINAL: Final = Cell(State.COMPLETED, _SEND, (Timer.J,))

TABLE: Final[Table] = {
    # A copy of the request before any response is dropped.
    State.TRYING: {
        Cue.PROVISIONAL: _PROVISIONAL,
        Cue.FINAL: _FINAL,
    },
    State.PROCEEDING: {
        Cue.REQUEST: Cell(State.PROCEEDING, _SEND),
        Cue.PROVISIONAL: _PROVISIONAL,
        Cue.FINAL: _FINAL,
    },
    State.COMPLETED: {
        Timer.J: Cell(State.TERMINATED),
        Cue.REQUEST: Cell(State.COMPLETED, _SEND, SAME),
    },
    State.TERMINATED: {},
}


class Server(Machine, kw_only=True):
    """One request, not an INVITE, that we are to answer."""

    table: ClassVar[Table] = TABLE
    start: ClassVar[Cell] = START

    state: State = State.TRYING
    identity: str = ""
    """By which a merged request is known (RFC 3261 8.2.2.2)."""
