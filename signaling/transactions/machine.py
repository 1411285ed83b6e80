"""What the four transaction tables are made of, and the walk over them.

A table maps state and trigger to a ``Cell``: the next state, the acts, and the timers that run from
then on.  A timer that is named again keeps its deadline; one that is not named stops.  A missing
cell means "ignored", as the RFC asks: a duplicate, a late response, a lost race.

Nothing here knows messages, and nothing here asks which transport it is: ``lengths`` leaves out the
timers that a reliable transport does not have, and gives others no time at all.
"""

from enum import StrEnum
from functools import lru_cache
from math import inf
from typing import ClassVar, Final, Literal, NamedTuple

import msgspec

from signaling.sip.flow import Flow


class State(StrEnum):
    """Where a transaction is (RFC 3261 Figures 5 to 8, RFC 6026)."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Timer(StrEnum):
    """Timers of RFC 3261 Table 4 and RFC 6026 by their letter, and three that the RFC only words.

    Of timers that are due at the same instant the first in this list fires first.
    """

    A = "A"
    B = "B"
    D = "D"
    E = "E"
    F = "F"
    G = "G"
    H = "H"
    I = "I"  # noqa: E741 - the RFC's name
    J = "J"
    K = "K"
    REPEAT_2XX = "repeat 2xx"
    """Between copies of a 2xx (RFC 3261 13.3.1.4)."""
    ACK_WAIT = "wait for ACK"
    """From the first 2xx until its ACK is given up (RFC 3261 13.3.1.4)."""
    CANCEL_WAIT = "wait for 487"
    """From CANCEL until the INVITE is considered cancelled (RFC 3261 9.1)."""
    L = "L"
    M = "M"


class Cue(StrEnum):
    """What can happen to a transaction, besides its timers."""

    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "300-699"
    FINAL = "200-699"
    REQUEST = "request again"
    ACK = "ACK"
    ACKNOWLEDGED = "ACK of 2xx"
    """The TU has seen the ACK of its 2xx, which is a transaction of its own."""
    CANCELLED = "CANCEL sent"
    TRANSPORT_ERROR = "transport error"


class Act(StrEnum):
    """What the layer does for a transaction."""

    SEND = "send"
    """The request, or the latest response, (again)."""
    SEND_ACK = "send ACK"
    DELIVER = "deliver"
    """Hand the message to the TU."""
    SLOW_DOWN = "slow down"
    """Retransmit every T2 from now on (RFC 3261 17.1.2.2)."""
    REPORT_TIMEOUT = "report timeout"
    REPORT_TRANSPORT_ERROR = "report transport error"
    REPORT_ACK_MISSING = "report ACK missing"


Trigger = Cue | Timer


class Cell(NamedTuple):
    """One step."""

    state: State
    acts: tuple[Act, ...] = ()
    running: tuple[Timer, ...] | None = ()
    """``SAME``: what ran goes on, what was stopped stays so."""


SAME: Final = None

Table = dict[State, dict[Trigger, Cell]]


class Length(NamedTuple):
    """A row of RFC 3261 Table 4: multiples of a unit over UDP and over a reliable transport."""

    unit: Literal["T1", "T4", "seconds"]
    unreliable: float
    reliable: float | None
    """None: the timer is not used."""
    doubles_to: Literal["", "T2", "no limit"] = ""
    """A retransmission timer doubles each time, up to here."""


LENGTHS: Final[dict[Timer, Length]] = {
    Timer.A: Length("T1", 1, None, "no limit"),
    Timer.B: Length("T1", 64, 64),
    Timer.D: Length("seconds", 32, 0),
    Timer.E: Length("T1", 1, None, "T2"),
    Timer.F: Length("T1", 64, 64),
    Timer.G: Length("T1", 1, None, "T2"),
    Timer.H: Length("T1", 64, 64),
    Timer.I: Length("T4", 1, 0),
    Timer.J: Length("T1", 64, 0),
    Timer.K: Length("T4", 1, 0),
    # 2xx and its ACK travel end to end: a reliable first hop promises nothing.
    Timer.REPEAT_2XX: Length("T1", 1, 1, "T2"),
    Timer.ACK_WAIT: Length("T1", 64, 64),
    Timer.CANCEL_WAIT: Length("T1", 64, 64),
    Timer.L: Length("T1", 64, 64),
    Timer.M: Length("T1", 64, 64),
}

ORDER: Final = {timer: place for place, timer in enumerate(Timer)}


class Clock(NamedTuple):
    """The lengths of the timers over one transport, in seconds."""

    seconds: dict[Timer, float]
    """A timer that is missing here never runs."""
    limits: dict[Timer, float]
    """Of the timers that double."""
    t2: float


@lru_cache(maxsize=64)
def clock(t1: float, t2: float, t4: float, reliable: bool) -> Clock:
    """Work out Table 4 for the given T1, T2 and T4, all in seconds."""
    units = {"T1": t1, "T4": t4, "seconds": 1.0}
    limit = {"T2": t2, "no limit": inf}
    seconds: dict[Timer, float] = {}
    for timer, row in LENGTHS.items():
        multiple = row.reliable if reliable else row.unreliable
        if multiple is not None:
            seconds[timer] = multiple * units[row.unit]
    limits = {t: limit[row.doubles_to] for t, row in LENGTHS.items() if row.doubles_to}
    return Clock(seconds, limits, t2)


class Machine(msgspec.Struct, kw_only=True):
    """The part of a transaction that walks its table."""

    table: ClassVar[Table]
    start: ClassVar[Cell]

    state: State
    flow: Flow
    """Where it sends."""
    datagram: bytes = b""
    """What it sends again: the request, or the latest response."""
    deadlines: dict[Timer, float] = {}
    interval: float = 0.0
    """Of the retransmission timer that runs; no table runs two of them at once."""
    scheduled_at: float | None = None
    """Instant of its entry in the layer's heap."""

    def due_at(self) -> float | None:
        """Return the next deadline, None if only the network or the TU can move us."""
        return min(self.deadlines.values()) if self.deadlines else None

    def enter(self, cell: Cell, now: float, lengths: Clock) -> tuple[Act, ...]:
        """Move to where a cell says and return what is to be done."""
        self.state = cell.state
        if Act.SLOW_DOWN in cell.acts:
            self.interval = lengths.t2
        if cell.running is not None:
            before, self.deadlines = self.deadlines, {}
            for timer in cell.running:
                if timer in before:
                    self.deadlines[timer] = before[timer]
                elif timer in lengths.seconds:
                    self._arm(timer, now, lengths)
        return cell.acts

    def step(self, cue: Cue, now: float, lengths: Clock) -> tuple[Act, ...]:
        """Take one step; a cue that the state has no cell for is ignored."""
        cell = self.table[self.state].get(cue)
        return () if cell is None else self.enter(cell, now, lengths)

    def fire(self, now: float, lengths: Clock) -> tuple[Act, ...]:
        """Fire the timer that is due first.

        A retransmission timer is armed again from ``now``, not from when it was due: after a stall
        the peer gets one copy, not all that were missed.
        """
        timer = min(self.deadlines, key=lambda one: (self.deadlines[one], ORDER[one]))
        del self.deadlines[timer]
        if timer in lengths.limits:
            self.interval = min(2 * self.interval, lengths.limits[timer])
            self.deadlines[timer] = now + self.interval
        cell = self.table[self.state].get(timer)
        return () if cell is None else self.enter(cell, now, lengths)

    def _arm(self, timer: Timer, now: float, lengths: Clock) -> None:
        self.deadlines[timer] = now + lengths.seconds[timer]
        if timer in lengths.limits:
            self.interval = lengths.seconds[timer]
