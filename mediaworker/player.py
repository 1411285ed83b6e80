"""What the peer of a stream hears: sets the source, and has its sound in the pool."""

from typing import assert_never

from bus.errors import BadSourceError, WrongStateError
from bus.sources import AnySource, Echo, Leg, Music, Silence, Tone, Wave
from mediaworker import rows
from mediaworker.clerk import Clerk
from mediaworker.filing import Fetched, FetchFailed
from mediaworker.media import Media
from mediaworker.seats import Done, Seat, Wish


class Player:
    """Plays to streams."""

    def __init__(self, media: Media, clerk: Clerk) -> None:
        self.media, self.clerk = media, clerk

    def play(self, seat: Seat, source: AnySource, done: Done) -> None:
        """Change the source, at once or as soon as its sound is there.

        A change that still waits for its sound is overtaken, and done.  Raises BadSourceError.
        """
        match source:
            case Silence():
                rows.play_silence(self.media, seat.row)
            case Echo():
                rows.play_echo(self.media, seat.row)
            case Leg(stream):
                other = rows.row_of(self.media, stream)
                if other is None:
                    raise BadSourceError(f"stream {stream} is not one of this worker")
                rows.play_leg(self.media, seat.row, other)
            case Tone() | Wave() | Music():
                self._fetch(seat, source, done)
                return
            case _:
                assert_never(source)
        self._overtake(seat)
        self._hold(seat, 0)
        done(None)

    def end(self, seat: Seat) -> None:
        """Let go of the sounds of a stream that is being closed."""
        wish, seat.wish = seat.wish, None
        self._hold(seat, 0)
        if wish is not None:
            self.clerk.drop(wish.token)
            wish.done(WrongStateError("the stream was closed meanwhile"))

    def _fetch(self, seat: Seat, source: Tone | Wave | Music, done: Done) -> None:
        self._overtake(seat)
        loop = source.loop if isinstance(source, Wave) else True

        def fetched(answer: Fetched | FetchFailed) -> None:
            seat.wish = None
            if isinstance(answer, FetchFailed):
                done(BadSourceError(answer.reason))
                return
            rows.play_pool(self.media, seat.row, answer.offset, answer.samples, loop=loop)
            self._hold(seat, answer.token)
            done(None)

        seat.wish = Wish(self.clerk.fetch(source, fetched), done)

    def _overtake(self, seat: Seat) -> None:
        wish, seat.wish = seat.wish, None
        if wish is not None:
            self.clerk.drop(wish.token)
            wish.done(None)

    def _hold(self, seat: Seat, token: int) -> None:
        if seat.sound:
            self.clerk.drop(seat.sound)
        seat.sound = token
