"""Recordings of streams: who has which ring, and when its file is whole.

    (none) --start--> STARTING --the file is there--> RUNNING --stop--> STOPPING --whole--> (none)

Between ``clerk.start`` and the answer the ring is empty; only a running one is written by the tick.
"""

from collections.abc import Callable
from functools import partial

from bus.columns import NoRoomError
from bus.errors import BadSourceError, NoCapacityError, WrongStateError
from mediaworker import rows
from mediaworker.clerk import Clerk
from mediaworker.filing import Start, Started, StartFailed, Stopped
from mediaworker.media import Media
from mediaworker.seats import Done, Seat, Tape, Taping, attempt


class Recorders:
    """Records streams."""

    def __init__(self, media: Media, clerk: Clerk) -> None:
        self.media, self.clerk = media, clerk
        self.free = list(range(media.recordings.rows))

    @property
    def busy(self) -> bool:
        """Some recording is not whole yet."""
        return len(self.free) < self.media.recordings.rows

    def start(self, seat: Seat, path: str, done: Done, *, mixed: bool = False) -> None:
        """Record into a new file; a recording that runs is stopped first.

        Raises NoCapacityError, and WrongStateError while one is being started or stopped.
        """
        tape = seat.tape
        if tape is not None and tape.state is not Taping.RUNNING:
            raise WrongStateError(f"a recording of this stream is {tape.state.value}")
        if tape is not None:
            again = partial(self.start, seat, path, done, mixed=mixed)
            self.stop(seat, lambda: attempt(again, done))
            return
        tape = seat.tape = Tape(self._take_ring())
        start = Start(tape.ring, path, mixed=mixed)
        self.clerk.start(start, lambda answer: self._started(seat, tape, answer, done))

    def pause(self, seat: Seat, *, paused: bool) -> None:
        """Leave out what is said, or no more.  Raises WrongStateError if nothing is recorded."""
        tape = seat.tape
        if tape is None or tape.state is Taping.STOPPING:
            raise WrongStateError("nothing of this stream is being recorded")
        tape.paused = paused
        if tape.state is Taping.RUNNING:
            self.media.streams.recording[seat.row] = -1 if paused else tape.ring

    def stop(self, seat: Seat, then: Callable[[], None]) -> None:
        """Stop recording, if any; ``then`` is called when the file is whole."""
        tape = seat.tape
        if tape is None:
            then()
            return
        tape.then.append(then)
        if tape.state is Taping.RUNNING:
            rows.record(self.media, seat.row, -1)
            self._stop(seat, tape)
        tape.state = Taping.STOPPING

    def _take_ring(self) -> int:
        recordings = self.media.recordings
        if not self.free:
            raise NoCapacityError(f"a worker records at most {recordings.rows} streams at once")
        ring = self.free.pop()
        try:
            recordings.reserve(ring, 1)
        except NoRoomError as error:
            self.free.append(ring)
            raise NoCapacityError(f"no memory to record: {error}") from None
        recordings.written[ring] = recordings.read[ring] = recordings.wide_from[ring] = 0
        return ring

    def _started(self, seat: Seat, tape: Tape, answer: Started | StartFailed, done: Done) -> None:
        if isinstance(answer, StartFailed):
            self._gone(seat, tape)
            done(BadSourceError(answer.reason))
            return
        if tape.state is Taping.STOPPING:
            self._stop(seat, tape)
        else:
            tape.state = Taping.RUNNING
            rows.record(self.media, seat.row, tape.ring)
            self.pause(seat, paused=tape.paused)
        done(None)

    def _stop(self, seat: Seat, tape: Tape) -> None:
        def stopped(answer: Stopped) -> None:
            self._gone(seat, tape)

        self.clerk.stop(tape.ring, stopped)

    def _gone(self, seat: Seat, tape: Tape) -> None:
        seat.tape = None
        self.free.append(tape.ring)
        for then in tape.then:
            then()
