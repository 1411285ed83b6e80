"""A call, as an application holds it: what it can do, and what has become of it.

It is a list of the events so far (``history``) and what follows from them; whoever waits, waits for
a condition on that list.  So nothing is missed that happened before somebody asked.

    state     outgoing   calling ─► ringing ─► up ─► ended
              incoming   ringing ─► answering ─► up ─► ended
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self, TypeVar

from bus import calls as verbs
from bus.calls import CallInfo, DigitReceived, Ended, OnOwnerLost, Quality
from bus.errors import NotFoundError, WrongStateError
from bus.gauges import Reading
from bus.ids import CallId, StreamId, WorkerId
from bus.outcomes import AnyOutcome, CallEndedError, Completed, outcome_of
from bus.playing import Playable, absolute, as_source
from bus.protocol import CallEvent, Command, Reply
from bus.sources import Silence

R = TypeVar("R", bound=Reply)
T = TypeVar("T")

SILENCE: Final = Silence()


class CallState(StrEnum):
    """Where a call is in its life."""

    CALLING = "calling"
    RINGING = "ringing"
    ANSWERING = "answering"
    UP = "up"
    ENDING = "ending"
    ENDED = "ended"


AFTER: Final[Mapping[tuple[CallState, type[CallEvent]], CallState]] = {
    (CallState.CALLING, verbs.Progress): CallState.RINGING,
    (CallState.CALLING, verbs.Answered): CallState.UP,
    (CallState.RINGING, verbs.Answered): CallState.UP,
    (CallState.ANSWERING, verbs.Answered): CallState.UP,
}
"""What an event makes of a state.  A missing cell changes nothing; ``Ended`` always ends."""


class Engine(Protocol):
    """What a call needs of its engine."""

    async def ask(
        self, body: Command, reply: type[R], *, then: Callable[[R], None] | None = None
    ) -> R:
        """Send a request and return its reply."""
        ...

    async def read_gauges(self, worker: WorkerId, stream: StreamId) -> Reading | None:
        """Read a stream's levels and counters from its worker's public table."""
        ...


class Call:
    """One call of ours.  As a context manager it is hung up at the end of the block."""

    def __init__(
        self,
        engine: Engine,
        call: CallId,
        *,
        uri: str,
        from_uri: str,
        state: CallState,
        on_owner_lost: OnOwnerLost = OnOwnerLost.HANG_UP,
    ) -> None:
        self.id: Final = call
        self.uri: Final = uri
        """Whom the call is for."""
        self.from_uri: Final = from_uri
        """Who calls; empty if the engine chose it."""
        self.on_owner_lost: Final = on_owner_lost
        self.state = state
        self.history: list[CallEvent] = []
        """All events of this call so far, oldest first."""
        self.media: verbs.Answered | None = None
        """Codec, worker, stream and addresses once it was answered."""
        self.answered_at = 0.0
        """Unix time, 0 before the answer."""
        self.outcome: AnyOutcome | None = None
        """How it ended, None while it lives."""
        self._engine = engine
        self._waiters: set[asyncio.Future[None]] = set()
        self._digits_taken = 0
        self._sending: set[object] = set()
        self._played = False

    @property
    def codec(self) -> str:
        """Name of the codec, empty before the answer."""
        return self.media.codec if self.media else ""

    @property
    def quality(self) -> Quality | None:
        """What its media was like; None before the end (then see ``measure``)."""
        return self.outcome.quality if self.outcome else None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.state} {self.from_uri} -> {self.uri}>"

    # ------------------------------------------------------------------------------ waiting

    async def ringing(self) -> None:
        """Wait until it rings at the other end, or is answered.  Raises CallFailed if it fails."""
        await self._until(lambda: self._has_rung() or None, need_life=True)

    async def answered(self) -> verbs.Answered:
        """Wait for the answer; media flows then.  Raises CallFailed (Busy, NoAnswer ...)."""
        return await self._until(lambda: self.media, need_life=True)

    async def ended(self) -> AnyOutcome:
        """Wait for the end, of whatever kind, and return it."""
        return await self._until(lambda: self.outcome)

    async def digits(self) -> AsyncGenerator[str, None]:
        """Yield the keys that the peer presses, each once, from the first; ends with the call."""
        while True:
            while self._digits_taken < len(self.history):
                self._digits_taken += 1
                if isinstance(event := self.history[self._digits_taken - 1], DigitReceived):
                    yield event.digit
            if self.outcome is not None:
                return
            await self._change()

    async def events(self) -> AsyncGenerator[CallEvent, None]:
        """Yield all events of this call, from the first; ``Ended`` is the last."""
        position = 0
        while True:
            while position < len(self.history):
                position += 1
                yield self.history[position - 1]
            if self.outcome is not None:
                return
            await self._change()

    async def measure(self) -> Reading | None:
        """Return levels and counters of this moment; None unless media flows."""
        if self.media is None or self.outcome is not None:
            return None
        return await self._engine.read_gauges(self.media.worker, StreamId(self.media.stream))

    # -------------------------------------------------------------------------------- doing

    async def send_digits(self, digits: str, *, duration_ms: int = 100, gap_ms: int = 60) -> None:
        """Send keys (0-9 * # A-D) and return when they were sent.

        Raises CallEndedError if the call ends before.
        """
        job = object()
        request = verbs.SendDigits(
            call=self.id, digits=digits, duration_ms=duration_ms, gap_ms=gap_ms
        )
        await self._ask(request, then=lambda _: self._sending.add(job))
        await self._until(lambda: job not in self._sending or None, doing="sending digits")

    async def play(self, source: Playable) -> None:
        """Change what the peer hears.  Raises BadSourceError for a file that is no sound file."""
        await self._ask(verbs.Play(call=self.id, source=as_source(source)), then=self._playing)

    async def wait_played(self) -> None:
        """Wait for the end of a source that has one (a WAV file that does not loop).

        Raises CallEndedError if the call ends before.
        """
        await self._until(lambda: self._played or None, doing="playing")

    async def record(self, path: str | Path) -> None:
        """Record into a WAV file, the caller left, the callee right; an empty path stops it."""
        await self._ask(verbs.Record(call=self.id, path=absolute(path)))

    async def hang_up(self, reason: str = "") -> AnyOutcome:
        """End the call, whatever its state, and return how it ended.  Does nothing twice."""
        if self.outcome is None:
            try:
                await self._engine.ask(
                    verbs.HangUp(call=self.id, reason=reason), verbs.Ok, then=self._ending
                )
            except (NotFoundError, WrongStateError):
                if self.outcome is None:
                    raise
        return await self.ended()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.hang_up()

    # -------------------------------------------------------------------- what the engine says

    def apply(self, event: CallEvent, at: float) -> None:
        """Take an event of Unix time ``at`` and wake whoever waits for it."""
        if self.outcome is not None:
            return
        self.history.append(event)
        self.state = AFTER.get((self.state, type(event)), self.state)
        match event:
            case verbs.Answered():
                self.media, self.answered_at = event, at
            case verbs.DigitsSent():
                self._sending.clear()
            case verbs.PlayFinished():
                self._played = True
            case Ended():
                self.state = CallState.ENDED
                self.outcome = outcome_of(event)
            case _:
                pass
        self._wake()

    def restore(self, info: CallInfo) -> None:
        """Take how the call stands, after events were missed."""
        if self.outcome is not None:
            return
        self.state = CallState(info.state)
        if info.answered_at and self.media is None:
            self.answered_at = info.answered_at
            self.media = verbs.Answered(
                call=self.id,
                codec=info.codec,
                worker=info.worker,
                stream=info.stream,
                local_media="",
                remote_media="",
            )
        self._wake()

    def lose(self, reason: str, at: float) -> None:
        """End it because the engine does not know it any more."""
        duration = at - self.answered_at if self.answered_at else 0.0
        ended = Ended(
            call=self.id,
            outcome=verbs.Outcome.FAILED,
            reason=reason,
            by="engine",
            duration=duration,
        )
        self.apply(ended, at)

    # ------------------------------------------------------------------------------- inside

    def _has_rung(self) -> bool:
        if self.state in (CallState.RINGING, CallState.ANSWERING, CallState.UP):
            return True
        return any(isinstance(event, verbs.Progress | verbs.Answered) for event in self.history)

    def _playing(self, _: verbs.Ok) -> None:
        self._played = False

    def _ending(self, _: verbs.Ok) -> None:
        if self.outcome is None:
            self.state = CallState.ENDING

    async def _ask(self, body: Command, then: Callable[[verbs.Ok], None] | None = None) -> None:
        """Ask something of a living call; if it is dead, say so and not that it is unknown."""
        if self.outcome is None:
            try:
                await self._engine.ask(body, verbs.Ok, then=then)
            except (NotFoundError, WrongStateError):
                if self.outcome is None:
                    raise
            else:
                return
        raise CallEndedError(type(body).__name__, self._fresh_outcome())

    async def _until(
        self, ready: Callable[[], T | None], *, need_life: bool = False, doing: str = ""
    ) -> T:
        """Wait for a condition; if the call ends before: raise how, or CallEndedError."""
        while (found := ready()) is None:
            if self.outcome is not None:
                self._raise_outcome(need_life, doing)
            await self._change()
        return found

    def _raise_outcome(self, need_life: bool, doing: str) -> None:
        outcome = self._fresh_outcome()
        if need_life and not isinstance(outcome, Completed):
            raise outcome
        raise CallEndedError(doing or "waiting for the answer", outcome)

    def _fresh_outcome(self) -> AnyOutcome:
        assert self.outcome is not None
        return outcome_of(self.outcome.event)  # an error must not be raised twice

    async def _change(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


class IncomingCall(Call):
    """A call that came to us; it rings until it is answered, rejected or redirected."""

    def __init__(self, engine: Engine, event: verbs.IncomingCall, policy: OnOwnerLost) -> None:
        super().__init__(
            engine,
            event.call,
            uri=event.request_uri,
            from_uri=event.from_uri,
            state=CallState.RINGING,
            on_owner_lost=policy,
        )
        self.event: Final = event
        """The event that announced it: display name, To, headers, where it came from."""

    async def ring(self, status: int = 180, reason: str = "") -> None:
        """Tell the caller that it rings (180, or another from 101 to 199)."""
        await self._decide(verbs.Ring(call=self.id, status=status, reason=reason))

    async def answer(
        self,
        *,
        play: Playable = SILENCE,
        record: str | Path = "",
        headers: Mapping[str, str] | None = None,
    ) -> verbs.Answered:
        """Answer, and return when the caller has confirmed it and media flows.

        Raises CallFailed if it comes to nothing, for example Cancelled if the caller gave up.
        """
        request = verbs.Answer(
            call=self.id,
            play=as_source(play),
            record=absolute(record),
            headers=tuple((headers or {}).items()),
        )
        await self._decide(request, then=self._answering)
        return await self.answered()

    async def reject(self, status: int = 486, reason: str = "") -> None:
        """Refuse with a status from 400 to 699."""
        await self._decide(verbs.Reject(call=self.id, status=status, reason=reason))
        await self.ended()

    async def redirect(self, *uris: str, status: int = 302) -> None:
        """Send the caller elsewhere."""
        await self._decide(verbs.Redirect(call=self.id, contacts=uris, status=status))
        await self.ended()

    async def _decide(self, body: Command, then: Callable[[verbs.Ok], None] | None = None) -> None:
        """Ask it; a call that the caller gave up meanwhile raises how it ended."""
        try:
            await self._ask(body, then)
        except CallEndedError as over:
            if isinstance(over.outcome, Completed):
                raise
            raise over.outcome from None

    def _answering(self, _: verbs.Ok) -> None:
        if self.state is CallState.RINGING:
            self.state = CallState.ANSWERING
