"""The audio of a call in the hands of a program: ``Call.audio``.

    async with call.audio() as audio:
        async for frame in audio:          # what the peer says, 20 ms at a time
            await audio.write(frame)       # what it is to hear

The worker waits for nobody.  Who reads too slowly goes on with what is new (``missed`` counts the
samples left out), who writes too slowly is silence (``missing``).  Who writes ahead waits here.
"""

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from types import TracebackType
from typing import Final, Protocol, Self, cast

import numpy as np

from bus import calls as verbs
from bus.asking import Engine
from bus.audio import CloseAudio, OpenAudio
from bus.audio_rings import AudioClosedError, AudioEnd
from bus.calls import Answered
from bus.columns import Column, SchemaMismatchError
from bus.errors import WrongStateError
from bus.ids import CallId
from bus.sources import Application

FRAME: Final = 0.02
"""Seconds of a frame that is read."""
POLL: Final = 0.0025
"""Seconds between two looks at a ring, once something should be there."""
DRAIN_WITHIN: Final = 1.0

Samples = Column[np.int16] | bytes
"""16-bit linear samples, one channel; bytes are in the order of the machine."""
AudioSource = (
    Samples
    | AsyncIterable[Samples]
    | Iterable[Samples]
    | Callable[[int], Samples | None]
    | Callable[[int], Awaitable[Samples | None]]
)
"""Samples, or what yields them, or what is asked for so many of them and ends with None."""
AudioSink = Callable[[Column[np.int16]], object]
"""Takes frames; what it returns is awaited if it can be."""


class AudibleCall(Protocol):
    """What is needed of a call."""

    @property
    def id(self) -> CallId:
        """Its name."""
        ...

    @property
    def media(self) -> Answered | None:
        """Where its stream is."""
        ...

    @property
    def outcome(self) -> object | None:
        """How it ended."""
        ...


class Audio:
    """What a peer says and what it is to hear, in a block that ends with the call."""

    def __init__(
        self, engine: Engine, call: AudibleCall, rate: int, lag: float, ahead: float
    ) -> None:
        self.rate: Final = rate
        self.frame: Final = round(FRAME * rate)
        """Samples of a frame that is read."""
        self._engine, self._call = engine, call
        self._lag = max(self.frame, round(lag * rate))
        self._ahead = max(self.frame, round(ahead * rate))
        self._end: AudioEnd | None = None
        self._expected = 0.0

    @property
    def missed(self) -> int:
        """Samples of the peer that we read too late, and that were left out."""
        return self._rings.missed

    @property
    def missing(self) -> int:
        """Samples of silence that the peer heard because we wrote too late."""
        return self._rings.missing

    @property
    def queued(self) -> int:
        """Samples that wait to be sent."""
        return self._rings.queued

    # ------------------------------------------------------------------------------ reading

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Column[np.int16]:
        rings, loop = self._rings, asyncio.get_running_loop()
        while True:
            if rings.available > self._lag:
                rings.skip(self.frame)
            if (frame := rings.read(self.frame)) is not None:
                self._expected = loop.time() + FRAME - 2 * POLL
                return frame
            if self._over():
                raise StopAsyncIteration
            await asyncio.sleep(max(POLL, self._expected - loop.time()))

    async def record(self, sink: AudioSink) -> None:
        """Give a function all that the peer says, frame by frame, until the call ends.

        ``file.write``, a recognizer, a queue: whatever takes an int16 array.
        """
        async for frame in self:
            taken = sink(frame)
            if inspect.isawaitable(taken):
                await taken

    # ------------------------------------------------------------------------------ writing

    async def write(self, samples: Samples) -> None:
        """Let the peer hear samples; waits while more than ``ahead`` wait already.

        Raises AudioClosedError once the call is over, which ends the block and no more.
        """
        left = as_samples(samples)
        while len(left):
            if self._over():
                raise AudioClosedError("the call is over")
            room = self._ahead - self._rings.queued
            if room > 0:
                left = left[self._rings.write(left[:room]) :]
            if len(left):
                await asyncio.sleep(POLL)

    async def play(self, source: AudioSource) -> None:
        """Write all that a source yields: an iterator, an asynchronous one or a function."""
        async for samples in each(source, self.frame):
            await self.write(samples)

    async def drain(self) -> None:
        """Wait until all that was written was sent."""
        while True:
            queued = self._rings.queued
            if queued <= 0 or self._over():
                return
            await asyncio.sleep(max(POLL, queued / self.rate / 2))

    # ------------------------------------------------------------------------------ the block

    async def __aenter__(self) -> Self:
        self._end = await lend(self._engine, self._call, self.rate)
        play = verbs.Play(call=self._call.id, source=Application())
        await self._engine.ask(play, verbs.Ok)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is None:
            try:
                async with asyncio.timeout(DRAIN_WITHIN):
                    await self.drain()
            except TimeoutError:
                pass
        if self._call.outcome is None:
            self._engine.tell(CloseAudio(call=self._call.id))
        return isinstance(error, AudioClosedError)

    @property
    def _rings(self) -> AudioEnd:
        if self._end is None:
            raise WrongStateError("audio is used in its block: async with call.audio() as audio")
        return self._end

    def _over(self) -> bool:
        return self._call.outcome is not None or not self._rings.is_open


async def lend(engine: Engine, call: AudibleCall, rate: int) -> AudioEnd:
    """Have the rings of a call lent to us.

    Raises WrongStateError if they are lent already, AudioClosedError if they cannot be reached.
    """
    media = call.media
    if media is None:
        raise WrongStateError("a call has audio once it is up")
    await engine.ask(OpenAudio(call=call.id, rate=rate), verbs.Ok)
    for info in (await engine.ask(verbs.ListWorkers(), verbs.Workers)).workers:
        if info.worker == media.worker and info.audio:
            try:
                return AudioEnd.find(info.audio, media.stream)
            except (OSError, SchemaMismatchError) as error:
                raise AudioClosedError(f"the audio of {info.worker}: {error}") from None
    raise AudioClosedError(f"worker {media.worker} has no audio rings")


def as_samples(samples: Samples) -> Column[np.int16]:
    """Return samples as an array.  Raises ValueError or TypeError for what is none."""
    if isinstance(samples, np.ndarray):
        if samples.dtype != np.int16:
            raise TypeError(f"samples are int16, not {samples.dtype}")
        return samples.reshape(-1)
    return np.frombuffer(samples, np.int16)


async def each(source: AudioSource, samples: int) -> AsyncGenerator[Samples, None]:
    """Yield what a source has, whatever its kind."""
    if isinstance(source, np.ndarray | bytes):
        yield cast("Samples", source)
    elif callable(source):
        while True:
            made = source(samples)
            given = await made if isinstance(made, Awaitable) else made
            if given is None:
                return
            yield given
    elif isinstance(source, AsyncIterable):
        async for some in source:
            yield some
    else:
        for some in source:
            yield some
