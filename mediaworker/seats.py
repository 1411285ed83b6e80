"""What a stream holds outside of the tables, and how several answers become one."""

from collections.abc import Callable
from enum import Enum

import msgspec

from bus.calls import Ok
from bus.errors import RefusedError
from bus.ids import StreamId
from bus.sources import AnySource, Leg
from mediaworker.filing import Fetched
from mediaworker.link import Reply
from mediaworker.ports import PortPair

Done = Callable[[RefusedError | None], None]
"""Told once whether something could be done."""


class Taping(Enum):
    """How far a recording is."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


class Tape(msgspec.Struct):
    """A recording and the ring it goes through."""

    ring: int
    state: Taping = Taping.STARTING
    paused: bool = False
    then: list[Callable[[], None]] = msgspec.field(default_factory=list[Callable[[], None]])
    """What to do when it has stopped."""


class Wish(msgspec.Struct, frozen=True):
    """A sound that was asked for."""

    token: int
    done: Done


class Part(msgspec.Struct):
    """The sound of a source: the one it plays, and the one it is to play."""

    sound: int = 0
    """Token, 0 if none."""
    wish: Wish | None = None


class Queued(msgspec.Struct):
    """A source that waits for its turn, its sound being there already or on its way."""

    source: AnySource
    part: Part
    place: Fetched | None = None


class Mix(msgspec.Struct, frozen=True):
    """The mix of a room, a source like others."""

    room: int
    """Its row."""


class Seat(msgspec.Struct):
    """One stream."""

    stream: StreamId
    row: int
    pair: PortPair | None
    """None: a room, which has no peer."""
    closed: bool = False
    source: Part = msgspec.field(default_factory=Part)
    over: Part = msgspec.field(default_factory=Part)
    """While it is held."""
    queue: list[Queued] = msgspec.field(default_factory=list[Queued])
    """What is played next."""
    base: Leg | Mix | None = None
    """What it hears when nothing is played."""
    tape: Tape | None = None


class Together:
    """Waits for several things, then tells whether all could be done."""

    def __init__(self, count: int, done: Done) -> None:
        self.left, self.done = count, done
        self.error: RefusedError | None = None

    def part(self, error: RefusedError | None) -> None:
        """Tell of one of them."""
        self.left -= 1
        self.error = self.error or error
        if self.left == 0:
            self.done(self.error)


def answered(reply: Reply) -> Done:
    """Answer ``Ok`` or the refusal."""

    def done(error: RefusedError | None) -> None:
        reply(Ok() if error is None else error)

    return done


def attempt(work: Callable[[], None], done: Done) -> None:
    """Do something that tells ``done`` itself unless it raises."""
    try:
        work()
    except RefusedError as error:
        done(error.with_traceback(None))  # its frames hold ``done``: nobody collects cycles here
