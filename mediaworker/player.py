"""What the peer of a stream hears: sets the source, and has its sound in the pool."""

from typing import assert_never

from bus.errors import BadSourceError, WrongStateError
from bus.sources import AnySource, Application, Echo, Leg, Music, Silence, Tone, Wave
from mediaworker import lending, rows, sounding
from mediaworker.clerk import Clerk
from mediaworker.filing import Fetched, FetchFailed
from mediaworker.media import Media
from mediaworker.seats import Done, Part, Seat, Wish


class Player:
    """Plays to streams."""

    def __init__(self, media: Media, clerk: Clerk) -> None:
        self.media, self.clerk = media, clerk

    def play(self, seat: Seat, source: AnySource, done: Done, *, over: bool = False) -> None:
        """Change the source, at once or as soon as its sound is there; ``over``: hold it.

        A change that still waits for its sound is overtaken, and done.  Raises BadSourceError.
        """
        match source:
            case Silence():
                sounding.play_silence(self.media, seat.row, over=over)
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

    def end(self, seat: Seat) -> None:
        """Let go of the sounds of a stream that is being closed."""
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

        part.wish = Wish(self.clerk.fetch(source, fetched), done)

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
