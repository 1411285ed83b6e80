"""What the peer of a stream hears: sets the source, and has its sound in the pool.

play(...)    ends what plays and what waits in the queue
queue(...)   begins when that before it has come to its end
connect(...) what is heard when nothing is played: another stream, or a room
"""

from typing import assert_never

from bus.errors import BadSourceError, RefusedError, WrongStateError
from bus.sources import AnySource, Application, Echo, Leg, Music, Silence, Tone, Wave
from bus.streams import StreamPosition
from mediaworker import lending, rows, sounding
from mediaworker.clerk import Clerk
from mediaworker.filing import Fetched, FetchFailed
from mediaworker.media import Media
from mediaworker.seats import Done, Mix, Part, Queued, Seat, Wish, attempt
from mediaworker.sources.resample import RATE
from mediaworker.streams import Kind


class Player:
    """Plays to streams."""

    def __init__(self, media: Media, clerk: Clerk) -> None:
        self.media, self.clerk = media, clerk

    def play(self, seat: Seat, source: AnySource, done: Done, *, over: bool = False) -> None:
        """Change the source, at once or as soon as its sound is there; ``over``: hold it.

        A change that still waits for its sound is overtaken, and done.  Raises BadSourceError.
        """
        if not over:
            self._forget_queue(seat)
        match source:
            case Silence() if over:
                sounding.play_silence(self.media, seat.row, over=True)
            case Silence():
                self._play_base(seat)
            case Echo():
                sounding.play_echo(self.media, seat.row, over=over)
            case Leg(stream):
                other = rows.row_of(self.media, stream)
                if other is None:
                    raise BadSourceError(f"stream {stream} is not one of this worker")
                sounding.play_leg(self.media, seat.row, other, over=over)
            case Application():
                lending.check_audio(self.media, seat.row)
                sounding.play_application(self.media, seat.row, over=over)
            case Tone() | Wave() | Music():
                self._fetch(seat, source, done, over=over)
                return
            case _:
                assert_never(source)
        self._settle(seat.over if over else seat.source)
        done(None)

    def resume(self, seat: Seat) -> None:
        """Let the source go on that waits; what played over it is let go of."""
        sounding.resume(self.media, seat.row)
        self._settle(seat.over)

    def queue(self, seat: Seat, source: AnySource, done: Done) -> None:
        """Play a source when all before it have come to their ends; now, if nothing plays.

        Raises BadSourceError.
        """
        if not seat.queue and not self._is_playing(seat):
            self.play(seat, source, done)
            return
        queued = Queued(source, Part())
        seat.queue.append(queued)
        if not isinstance(source, Tone | Wave | Music):
            done(None)
            return

        def fetched(answer: Fetched | FetchFailed) -> None:
            queued.part.wish = None
            if isinstance(answer, FetchFailed):
                seat.queue.remove(queued)
                done(BadSourceError(answer.reason))
                return
            queued.part.sound, queued.place = answer.token, answer
            done(None)

        queued.part.wish = Wish(self.clerk.fetch(source, fetched), done)

    def finished(self, seat: Seat) -> int:
        """Go on after the end of a source; return how many waited for that."""
        waiting = len(seat.queue)
        if waiting:
            self._play_queued(seat, seat.queue.pop(0))
        elif seat.base is not None:
            self._play_base(seat)
        return waiting

    def position(self, seat: Seat) -> StreamPosition:
        """Return how far the source is."""
        streams, row = self.media.streams, seat.row
        if not self._is_playing(seat) or seat.source.wish is not None:
            position = 0
        elif streams.held[row]:
            position = int(streams.waiting_begin[row])
        elif streams.source_seen[row] != streams.source_number[row]:
            position = int(streams.source_begin[row])
        else:
            position = int(streams.source_position[row])
        seconds = position / (RATE * int(streams.scale[row]))
        return StreamPosition(seconds=seconds, waiting=len(seat.queue))

    def connect(self, seat: Seat, base: Leg | Mix | None) -> None:
        """Let a stream hear another one, or a room, or neither, when nothing is played."""
        seat.base = base
        if not self._is_playing(seat):
            self._play_base(seat)

    def end(self, seat: Seat) -> None:
        """Let go of the sounds of a stream that is being closed."""
        self._forget_queue(seat)
        for part in (seat.source, seat.over):
            wish, part.wish = part.wish, None
            self._keep(part, 0)
            if wish is not None:
                self.clerk.drop(wish.token)
                wish.done(WrongStateError("the stream was closed meanwhile"))

    def _fetch(self, seat: Seat, source: Tone | Wave | Music, done: Done, *, over: bool) -> None:
        part = seat.over if over else seat.source
        self._overtake(part)
        loop = source.loop if isinstance(source, Wave) else True

        def fetched(answer: Fetched | FetchFailed) -> None:
            part.wish = None
            if isinstance(answer, FetchFailed):
                done(BadSourceError(answer.reason))
                return
            where = answer.offset, answer.samples
            sounding.play_pool(self.media, seat.row, *where, loop=loop, over=over)
            self._keep(part, answer.token)
            done(None)
            if loop and seat.queue and not over:
                self.finished(seat)

        part.wish = Wish(self.clerk.fetch(source, fetched), done)

    def _play_queued(self, seat: Seat, queued: Queued) -> None:
        source, place = queued.source, queued.place
        if place is not None:
            loop = source.loop if isinstance(source, Wave) else True
            sounding.play_pool(self.media, seat.row, place.offset, place.samples, loop=loop)
            self._keep(seat.source, place.token)
            if loop and seat.queue:
                self.finished(seat)
            return
        waiting, seat.queue = seat.queue, []
        attempt(lambda: self.play(seat, source, _ignore), lambda _: self._play_base(seat))
        seat.queue = waiting
        self._overtake(queued.part)

    def _play_base(self, seat: Seat) -> None:
        match seat.base:
            case Leg(stream) if (row := rows.row_of(self.media, stream)) is not None:
                sounding.play_leg(self.media, seat.row, row)
            case Mix(room):
                sounding.play_mix(self.media, seat.row, room)
            case _:
                sounding.play_silence(self.media, seat.row)

    def _is_playing(self, seat: Seat) -> bool:
        """Whether something is played that comes to an end by itself."""
        streams, row = self.media.streams, seat.row
        if seat.source.wish is not None:
            return True
        if streams.held[row]:
            return bool(streams.waiting_kind[row] == Kind.POOL and not streams.waiting_loop[row])
        begun = streams.source_seen[row] == streams.source_number[row]
        ended = begun and streams.source_position[row] > streams.source_length[row]
        endless = streams.source_kind[row] != Kind.POOL or streams.source_loop[row]
        return not (ended or endless)

    def _forget_queue(self, seat: Seat) -> None:
        queue, seat.queue = seat.queue, []
        for queued in queue:
            self._overtake(queued.part)
            self._keep(queued.part, 0)

    def _settle(self, part: Part) -> None:
        """Need no sound any more."""
        self._overtake(part)
        self._keep(part, 0)

    def _overtake(self, part: Part) -> None:
        wish, part.wish = part.wish, None
        if wish is not None:
            self.clerk.drop(wish.token)
            wish.done(None)

    def _keep(self, part: Part, token: int) -> None:
        """Hold this sound in place of the one before it."""
        if part.sound:
            self.clerk.drop(part.sound)
        part.sound = token


def _ignore(error: RefusedError | None) -> None:
    pass
