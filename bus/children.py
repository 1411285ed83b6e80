"""One child of the supervisor: its states, as a table.  Sans-IO.

A child is a *place* (``signaling``, ``w0``, ``standby-2``); the process that fills it changes.  A
missing cell of ``TABLE`` means that the trigger is ignored in that state.

What an exit leads to: a process that ends before it serves is a failed boot, and too many of those
in a row give the place up; one that ends later only waits.  The first retry is immediate, the next
ones wait ever longer, until a process has served for ``STABLE`` seconds.
"""

import signal
from enum import StrEnum
from typing import Final

import msgspec

NEVER: Final = float("inf")
STABLE: Final = 5.0
"""Seconds of serving after which earlier exits are forgotten."""
FIRST_DELAY: Final = 0.05
LONGEST_DELAY: Final = 5.0
WRONG_SETTINGS: Final = 42
"""Exit code of a child that cannot work with its settings: trying again is no use."""


class Role(StrEnum):
    """What a child does."""

    SIGNALING = "signaling"
    WORKER = "worker"
    STANDBY = "standby"


class State(StrEnum):
    """Where a child is in its life."""

    BACKING_OFF = "backing_off"
    """No process; one is started when the delay is over."""
    STARTING = "starting"
    """A process runs and has not said that it serves."""
    SERVING = "serving"
    DRAINING = "draining"
    """Surplus: it exits by itself when its last stream is gone."""
    STOPPING = "stopping"
    FAILED = "failed"
    """Given up."""
    GONE = "gone"


class Trigger(StrEnum):
    """What happens to a child."""

    DUE = "due"
    """The time to start a process has come."""
    SERVES = "serves"
    """The process said hello, or took up the place it was given."""
    EXITS = "exits"
    EXHAUSTED = "exhausted"
    """It exited, and another try is no use."""
    LATE = "late"
    """A deadline passed, or the process does not work."""
    REFUSES = "refuses"
    SURPLUS = "surplus"
    STOP = "stop"


class Effect(StrEnum):
    """What the supervisor does about it, on entering the next state."""

    START = "start"
    REST = "rest"
    SETTLE = "settle"
    KILL = "kill"
    DRAIN = "drain"
    TERMINATE = "terminate"
    GIVE_UP = "give up"
    REMOVE = "remove"
    NOTHING = "nothing"


TABLE: Final[dict[tuple[State, Trigger], tuple[State, Effect]]] = {
    (State.BACKING_OFF, Trigger.DUE): (State.STARTING, Effect.START),
    (State.BACKING_OFF, Trigger.SURPLUS): (State.GONE, Effect.REMOVE),
    (State.BACKING_OFF, Trigger.STOP): (State.GONE, Effect.REMOVE),
    (State.STARTING, Trigger.SERVES): (State.SERVING, Effect.SETTLE),
    (State.STARTING, Trigger.EXITS): (State.BACKING_OFF, Effect.REST),
    (State.STARTING, Trigger.EXHAUSTED): (State.FAILED, Effect.GIVE_UP),
    (State.STARTING, Trigger.LATE): (State.STARTING, Effect.KILL),
    (State.STARTING, Trigger.REFUSES): (State.STARTING, Effect.KILL),
    (State.STARTING, Trigger.SURPLUS): (State.STOPPING, Effect.TERMINATE),
    (State.STARTING, Trigger.STOP): (State.STOPPING, Effect.TERMINATE),
    (State.SERVING, Trigger.EXITS): (State.BACKING_OFF, Effect.REST),
    (State.SERVING, Trigger.EXHAUSTED): (State.FAILED, Effect.GIVE_UP),
    (State.SERVING, Trigger.LATE): (State.SERVING, Effect.KILL),
    (State.SERVING, Trigger.SURPLUS): (State.DRAINING, Effect.DRAIN),
    (State.SERVING, Trigger.STOP): (State.STOPPING, Effect.TERMINATE),
    (State.DRAINING, Trigger.EXITS): (State.GONE, Effect.REMOVE),
    (State.DRAINING, Trigger.EXHAUSTED): (State.GONE, Effect.REMOVE),
    (State.DRAINING, Trigger.LATE): (State.DRAINING, Effect.KILL),
    (State.DRAINING, Trigger.REFUSES): (State.SERVING, Effect.NOTHING),
    (State.DRAINING, Trigger.STOP): (State.STOPPING, Effect.TERMINATE),
    (State.STOPPING, Trigger.EXITS): (State.GONE, Effect.REMOVE),
    (State.STOPPING, Trigger.EXHAUSTED): (State.GONE, Effect.REMOVE),
    (State.STOPPING, Trigger.LATE): (State.STOPPING, Effect.KILL),
    (State.STOPPING, Trigger.REFUSES): (State.STOPPING, Effect.TERMINATE),
    (State.STOPPING, Trigger.STOP): (State.STOPPING, Effect.TERMINATE),
    (State.FAILED, Trigger.DUE): (State.STARTING, Effect.START),
    (State.FAILED, Trigger.SURPLUS): (State.GONE, Effect.REMOVE),
    (State.FAILED, Trigger.STOP): (State.GONE, Effect.REMOVE),
}


class Child(msgspec.Struct, kw_only=True):
    """A place and what became of the processes that filled it.  Times: monotonic seconds."""

    name: str
    role: Role
    state: State = State.BACKING_OFF
    pid: int = 0
    """0 while there is no process."""
    due: float = NEVER
    """When the present state ends by itself: the next start, or a deadline."""
    started_at: float = 0.0
    serving_at: float = 0.0
    starts: int = 0
    boot_failures: int = 0
    """In a row."""
    strikes: int = 0
    """Exits in a row without a stable time between."""
    last_exit: str = ""
    blame: str = ""
    """Why we kill it, or could not start it: a better reason than how it ended."""
    listeners: tuple[str, ...] = ()

    @property
    def running(self) -> bool:
        """A process fills this place."""
        return self.pid != 0


def exit_trigger(child: Child, code: int, now: float, max_boot_failures: int) -> Trigger:
    """Count an exit against its child, and say whether another try is any use."""
    child.last_exit = child.blame or exit_text(code)
    child.blame = ""
    if child.state is State.STARTING:
        child.boot_failures += 1
    elif now - child.serving_at >= STABLE:
        child.strikes = 0
    child.strikes += 1
    hopeless = code == WRONG_SETTINGS or child.boot_failures >= max_boot_failures
    return Trigger.EXHAUSTED if hopeless else Trigger.EXITS


def retry_delay(strikes: int) -> float:
    """Return how long to wait (seconds) after so many exits in a row."""
    if strikes <= 1:
        return 0.0
    return float(min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(strikes - 2, 30)))


def exit_text(code: int) -> str:
    """Say how a process ended; ``code`` is negative for a signal."""
    if code == WRONG_SETTINGS:
        return f"exit code {code}: its settings are wrong"
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
