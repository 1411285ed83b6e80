"""A call, as an application holds it: what it can do, and what has become of it.

It is a list of the events so far (``history``) and what follows from them.

    state     outgoing   calling ─► ringing ─► up ─► ended
              incoming   ringing ─► answering ─► up ─► ended
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import msgspec

from bus import calls as verbs
from bus.asking import AGREE_WITHIN, Engine
from bus.audio_stream import Audio
from bus.call_routing import RoutedCall
from bus.calls import CallInfo, DigitReceived, Ended, OnOwnerLost, Quality
from bus.devices import MICROPHONE, SPEAKER
from bus.errors import NotFoundError, PeerRefusedError, WrongStateError
from bus.gauges import Reading
from bus.history import History
from bus.holding import Hold, HoldChanged, Resume
from bus.ids import CallId, StreamId
from bus.outcomes import (
    AnyOutcome,
    CallEndedError,
    Completed,
    Transferred,
    outcome_of,
    transfer_outcome,
)
from bus.playing import Playable, absolute, as_source
from bus.protocol import CallEvent, Command
from bus.routing import Bridged, MemberChanged, Unbridged
from bus.session import REPLY_WITHIN
from bus.sound_cards import CallDevices
from bus.sources import AnySource, Device, Music, Silence, Wave
from bus.speaking import SpeechChanged, WatchSpeech
from bus.transfers import CancelTransfer, Replaced, Transfer, TransferEnded, TransferProgress

T = TypeVar("T")

SILENCE: Final = Silence()
MUSIC: Final = Music()
DEFAULT_DEVICE: Final = Device()


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


class Call(RoutedCall):
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
        super().__init__(engine, call)
        self.uri: Final = uri
        """Whom the call is for."""
        self.from_uri: Final = from_uri
        """Who calls; empty if the engine chose it."""
        self.on_owner_lost: Final = on_owner_lost
        self.state = state
        self.held = False
        """We hold the peer."""
        self.remote_held = False
        """The peer holds us."""
        self.media: verbs.Answered | None = None
        """Codec, worker, stream and addresses once it was answered."""
        self.answered_at = 0.0
        """Unix time, 0 before the answer."""
        self.outcome: AnyOutcome | None = None
        """How it ended, None while it lives."""
        self.replaced_by: Call | None = None
        """The call that took its place (INVITE with Replaces), which goes on when this one ends."""
        self.srtp = ""
        """The suite that protects its media (RFC 4568), empty if none does."""
        self._log = History[CallEvent]()
        self._digits_taken = 0
        self._sending: set[object] = set()
        self._sent: dict[object, str] = {}
        self._played = False
        self.devices: Final = CallDevices(engine, self)
        """Its microphone and its speaker."""

    @property
    def history(self) -> list[CallEvent]:
        """All events of this call so far, oldest first."""
        return self._log.events

    @property
    def codec(self) -> str:
        """Name of the codec, empty before the answer."""
        return self.media.codec if self.media else ""

    @property
    def secure(self) -> bool:
        """Whether its media is protected, by the suite ``srtp``."""
        return bool(self.srtp)

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
            await self._log.change()

    def audio(self, rate: int = 8000, *, lag: float = 0.2, ahead: float = 0.06) -> Audio:
        """Take what the peer says and what it hears into our hands, for a block.

        ``rate``: 8000 or 16000 Hz, whatever the codec.  ``lag``: seconds that reading may be
        behind until it goes on with what is new.  ``ahead``: seconds that may be written before
        they are sent.  Raises WrongStateError unless the call is up.
        """
        return Audio(self._engine, self, rate, lag, ahead)

    async def speech(self) -> AsyncGenerator[SpeechChanged, None]:
        """Yield when the peer begins to speak and ceases to, from now on; ends with the call.

        Tones (digits, ringing, busy) are no speech.  Raises WrongStateError unless the call is up.
        """
        since = len(self.history)
        await self._ask(WatchSpeech(call=self.id))
        try:
            async for event in self.events(since=since):
                if isinstance(event, SpeechChanged):
                    yield event
        finally:
            if self.outcome is None:
                self._engine.tell(WatchSpeech(call=self.id, watch=False))

    def events(self, *, since: int = 0) -> AsyncGenerator[CallEvent, None]:
        """Yield all events of this call, from the first (or a later one); ``Ended`` is the last."""
        return self._log.follow(lambda: self.outcome is not None, since)

    async def measure(self) -> Reading | None:
        """Return levels and counters of this moment; None unless media flows."""
        if self.media is None or self.outcome is not None:
            return None
        return await self._engine.read_gauges(self.media.worker, StreamId(self.media.stream))

    # -------------------------------------------------------------------------------- doing

    async def send_digits(
        self, digits: str, *, duration_ms: int = 100, gap_ms: int = 60, method: str = "auto"
    ) -> None:
        """Send keys (0-9 * # A-D) and return when they were sent.

        ``method``: ``rfc4733``, ``info`` (dtmf-relay), ``info-dtmf``, ``inband``; by itself it is
        RFC 4733 if negotiated, else INFO if the peer allows it, else in-band.
        Raises CallEndedError if the call ends before, PeerRefusedError if it took some of them not.
        """
        job = object()
        request = verbs.SendDigits(
            call=self.id, digits=digits, duration_ms=duration_ms, gap_ms=gap_ms, method=method
        )
        await self._ask(request, then=lambda _: self._sending.add(job))
        refused = await self._until(lambda: self._sent.pop(job, None), doing="sending digits")
        if refused:
            raise PeerRefusedError(f"digits {refused} were not taken")

    async def play(self, source: Playable | Device) -> None:
        """Change what the peer hears.

        Raises BadSourceError for a file that is no sound file, DeviceError for a microphone that
        does not open.
        """
        if isinstance(source, Device):
            await self.devices.play(source)
            return
        await self._ask(verbs.Play(call=self.id, source=as_source(source)), then=self._playing)
        await self.devices.stop(MICROPHONE)

    async def listen(self, device: Device | None = DEFAULT_DEVICE) -> None:
        """Hear the peer from a speaker, or from another, or (None) no more.  Raises DeviceError.

        A device that goes away is silence and ``DeviceChanged``, until it is back.
        """
        if device is None:
            await self.devices.stop(SPEAKER)
        else:
            await self.devices.listen(device)

    async def wait_played(self) -> None:
        """Wait for the end of a source that has one (a WAV file that does not loop).

        Raises CallEndedError if the call ends before.
        """
        await self._until(lambda: self._played or None, doing="playing")

    async def record(self, path: str | Path, *, layout: str = "stereo") -> None:
        """Record into a WAV file; an empty path stops it.

        ``layout``: ``stereo`` (the caller left, the callee right), or ``mixed`` in one channel.
        """
        await self._ask(verbs.Record(call=self.id, path=absolute(path), layout=layout))

    async def hold(self, music: Playable = MUSIC) -> None:
        """Hold the peer, who hears ``music`` (built in, or a WAV file); return when it has agreed.

        Raises PeerRefusedError if it does not agree; nothing has changed then.
        """
        request = Hold(call=self.id, music=as_music(music))
        await self._ask(request, then=lambda _: self._hold(local=True), within=AGREE_WITHIN)

    async def resume(self) -> None:
        """Take the peer back; it hears again what it heard before.  Raises PeerRefusedError."""
        request = Resume(call=self.id)
        await self._ask(request, then=lambda _: self._hold(local=False), within=AGREE_WITHIN)

    async def transfer(
        self,
        to: "str | Call",
        *,
        timeout: float = 30.0,  # noqa: ASYNC109  (the engine counts it)
        headers: Mapping[str, str] | None = None,
        hold: bool = True,
        music: Playable | None = None,
        progress: Callable[[TransferProgress], None] | None = None,
    ) -> Transferred:
        """Send the peer to a URI (blind), or to the peer of another call (attended).

        The peer is held meanwhile, and hears ``music``.  ``progress`` is called with what it tells
        of its new call.  Returns when it has reached the target; this call ends then by itself.
        Raises TransferFailedError otherwise: the peer was taken back, the call goes on.  Whoever
        is cancelled here takes the peer back.
        """
        request = Transfer(
            call=self.id,
            uri=to if isinstance(to, str) else "",
            other=CallId("") if isinstance(to, str) else to.id,
            timeout=timeout,
            headers=tuple((headers or {}).items()),
            hold=hold,
            music=None if music is None else as_music(music),
        )
        began: list[int] = []
        try:
            await self._ask(
                request, then=lambda _: began.append(len(self.history)), within=AGREE_WITHIN
            )
            return await self._transferred(began[0], progress)
        except asyncio.CancelledError:
            if self.outcome is None:
                self._engine.tell(CancelTransfer(call=self.id))
            raise

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
        self._log.add(event)
        self.state = AFTER.get((self.state, type(event)), self.state)
        match event:
            case verbs.Answered():
                self.media, self.answered_at, self.srtp = event, at, event.srtp
            case verbs.DigitsSent():
                self._sent.update(dict.fromkeys(self._sending, event.refused))
                self._sending.clear()
            case verbs.PlayFinished():
                self._played = True
            case verbs.MediaChanged():
                self.srtp = event.srtp
                if self.media is not None and event.codec:
                    changes = {"codec": event.codec, "rate": event.rate}
                    self.media = msgspec.structs.replace(self.media, **changes)
            case Bridged() | Unbridged() | MemberChanged():
                self._routed(event)
            case HoldChanged():
                self.held, self.remote_held = event.local, event.remote
            case Ended():
                self.state = CallState.ENDED
                self.outcome = outcome_of(event)
            case _:
                pass
        self._log.wake()

    def replace(self, event: Replaced, by: "Call", at: float) -> None:
        """Learn that another call takes its place."""
        self.replaced_by = by
        self.apply(event, at)

    def restore(self, info: CallInfo) -> None:
        """Take how the call stands, after events were missed."""
        if self.outcome is not None:
            return
        self.state = CallState(info.state)
        self.held, self.remote_held = info.local_hold, info.remote_hold
        self.srtp = info.srtp
        if info.answered_at and self.media is None:
            self.answered_at = info.answered_at
            self.media = verbs.Answered(
                call=self.id,
                codec=info.codec,
                worker=info.worker,
                stream=info.stream,
                local_media="",
                remote_media="",
                srtp=info.srtp,
                rate=info.rate,
            )
        self._log.wake()

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

    async def _transferred(
        self, since: int, progress: Callable[[TransferProgress], None] | None
    ) -> Transferred:
        """Follow the transfer that began at a place in the history."""
        async for event in self.events(since=since):
            match event:
                case TransferProgress() if progress is not None:
                    progress(event)
                case TransferEnded():
                    return transfer_outcome(event)
                case _:
                    pass
        raise CallEndedError("transferring", self._fresh_outcome())

    def _hold(self, *, local: bool) -> None:
        self.held = local

    def _playing(self, _: verbs.Ok) -> None:
        self._played = False

    def _ending(self, _: verbs.Ok) -> None:
        if self.outcome is None:
            self.state = CallState.ENDING

    async def _ask(
        self,
        body: Command,
        then: Callable[[verbs.Ok], None] | None = None,
        within: float = REPLY_WITHIN,
    ) -> None:
        """Ask something of a living call; if it is dead, say so and not that it is unknown."""
        if self.outcome is None:
            try:
                await self._engine.ask(body, verbs.Ok, then=then, within=within)
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
            await self._log.change()
        return found

    def _raise_outcome(self, need_life: bool, doing: str) -> None:
        outcome = self._fresh_outcome()
        if need_life and not isinstance(outcome, Completed):
            raise outcome
        raise CallEndedError(doing or "waiting for the answer", outcome)

    def _fresh_outcome(self) -> AnyOutcome:
        assert self.outcome is not None
        return outcome_of(self.outcome.event)  # an error must not be raised twice


def as_music(play: Playable) -> AnySource:
    """Return the source that is meant; a file is played again and again."""
    source = as_source(play)
    return Wave(source.path, loop=True) if isinstance(source, Wave) else source
