"""Media workers as signaling sees them, and which of them gets the next stream."""

import msgspec

from bus.calls import WorkerInfo
from bus.ids import StreamId, WorkerId
from bus.streams import WorkerHello

BEAT_TIMEOUT = 3.0
"""Seconds without a beat after which a worker gets no more streams."""


class Seat(msgspec.Struct, kw_only=True):
    """A worker's place and who sits on it."""

    hello: WorkerHello
    identity: str
    session: str
    seen_at: float
    load: float = 0.0
    draining: bool = False
    streams: list[StreamId] = []
    next_request: int = 1

    def state(self, now: float) -> str:
        """Return ``up``, ``draining`` or ``late``."""
        if self.draining:
            return "draining"
        return "late" if now - self.seen_at > BEAT_TIMEOUT else "up"


class Workers(msgspec.Struct):
    """All seats."""

    seats: dict[WorkerId, Seat] = {}

    def sit(self, hello: WorkerHello, identity: str, session: str, now: float) -> Seat:
        """Seat a worker that said hello; whoever sat there before is gone."""
        seat = Seat(hello=hello, identity=identity, session=session, seen_at=now)
        self.seats[hello.worker] = seat
        return seat

    def of_session(self, session: str) -> Seat | None:
        """Return the seat whose session it is."""
        return next((seat for seat in self.seats.values() if seat.session == session), None)

    def of_pid(self, pid: int) -> Seat | None:
        """Return the seat of a process."""
        return next((seat for seat in self.seats.values() if seat.hello.pid == pid), None)

    def choose(self, now: float, first: str = "") -> Seat | None:
        """Return the least loaded live worker with a free row, None if there is none.

        That is ``first``, if it is one with a free row.

        Streams count before load: a beat is up to a quarter second old, a stream is known at once.
        """
        free = [
            seat
            for seat in self.seats.values()
            if seat.state(now) == "up" and len(seat.streams) < seat.hello.capacity
        ]
        return min(
            free,
            key=lambda seat: (
                seat.hello.worker != first,
                len(seat.streams) / seat.hello.capacity,
                seat.load,
                seat.hello.worker,
            ),
            default=None,
        )

    def infos(self, now: float) -> tuple[WorkerInfo, ...]:
        """Return them all for a reply."""
        return tuple(info(seat, now) for seat in self.seats.values())


def info(seat: Seat, now: float, state: str = "") -> WorkerInfo:
    """Describe a seat."""
    return WorkerInfo(
        worker=seat.hello.worker,
        pid=seat.hello.pid,
        state=state or seat.state(now),
        streams=len(seat.streams),
        capacity=seat.hello.capacity,
        load=seat.load,
        table=seat.hello.table,
        backend=seat.hello.backend,
        scheduling=seat.hello.scheduling,
        audio=seat.hello.audio,
    )
