"""Bridges and conferences, as an application holds them."""

import asyncio
from collections.abc import Callable, Generator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from bus.asking import Engine
from bus.call_routing import RoutedCall
from bus.calls import Ok
from bus.errors import NotFoundError, WrongStateError
from bus.ids import CallId
from bus.playing import Playable, absolute, as_source
from bus.routing import (
    Bridge,
    ConferenceEnded,
    ConferenceInfo,
    Conferences,
    EndConference,
    Join,
    Leave,
    ListConferences,
    PlayConference,
    RecordConference,
    Unbridge,
)


class Bridging:
    """A bridge that is to be: ``await`` it, or let it be for a block (``async with``)."""

    def __init__(self, engine: Engine, call: RoutedCall, other: RoutedCall) -> None:
        self._engine, self._call, self._other = engine, call, other

    def __await__(self) -> Generator[Any, None, None]:
        return self._begin().__await__()

    async def __aenter__(self) -> None:
        await self._begin()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._call.bridged == self._other.id:
            await unbridge(self._engine, self._call, gone_is_well=True)

    async def _begin(self) -> None:
        await self._engine.ask(Bridge(call=self._call.id, other=self._other.id), Ok)


async def unbridge(engine: Engine, call: RoutedCall, *, gone_is_well: bool = False) -> None:
    """Part a call from the one it is bridged with."""
    try:
        await engine.ask(Unbridge(call=call.id), Ok)
    except (NotFoundError, WrongStateError):
        if not gone_is_well:
            raise


class Conference:
    """A conference of ours.  As a context manager it is ended at the end of the block."""

    def __init__(self, engine: Engine, name: str, forget: "Callable[[Conference], None]") -> None:
        self.id: Final = name
        self.outcome = ""
        """Why it ended; empty while it lives."""
        self._engine, self._forget = engine, forget
        self._joins: dict[CallId, Join] = {}
        self._over = asyncio.Event()

    async def add(
        self,
        call: RoutedCall,
        role: str = "speak",
        *,
        to: RoutedCall | None = None,
        gain: float = 0.0,
        muted: bool = False,
    ) -> None:
        """Let a call in, or change what it is there.

        ``role``: ``speak``, ``listen`` (is not heard), or ``whisper`` (is heard by the member
        ``to`` alone).  ``gain`` in dB.  Raises WrongStateError if it is not up,
        NoCapacityError if another media worker carries it and there is no stream for a link (see
        ``near`` of ``dial`` and ``answer``).
        """
        join = Join(
            conference=self.id,
            call=call.id,
            role=role,
            to=to.id if to else CallId(""),
            gain=gain,
            muted=muted,
        )
        await self._engine.ask(join, Ok)
        self._joins[call.id] = join

    async def mute(self, call: RoutedCall, *, muted: bool = True) -> None:
        """Let a member be heard no more, or again; it hears the others all the same."""
        before = self._joins.get(call.id)
        if before is None or call.conference != self.id:
            raise WrongStateError(f"call {call.id} is not in conference {self.id}")
        join = msgspec.structs.replace(before, muted=muted)
        await self._engine.ask(join, Ok)
        self._joins[call.id] = join

    async def remove(self, call: RoutedCall) -> None:
        """Let a call out; it goes on.  Raises WrongStateError if it is not in a conference."""
        await self._engine.ask(Leave(call=call.id), Ok)

    async def play(self, source: Playable) -> None:
        """Let all hear a source, while they hear each other."""
        await self._engine.ask(PlayConference(conference=self.id, source=as_source(source)), Ok)

    async def record(self, path: str | Path) -> None:
        """Record all that is said and played into a WAV file; an empty path stops it."""
        await self._engine.ask(RecordConference(conference=self.id, path=absolute(path)), Ok)

    async def info(self) -> ConferenceInfo:
        """Return who is in it, as what.  Raises NotFoundError if it has ended."""
        for each in (await self._engine.ask(ListConferences(), Conferences)).conferences:
            if each.conference == self.id:
                return each
        raise NotFoundError(f"no conference {self.id!r}")

    async def end(self) -> None:
        """End it; the calls go on.  Does nothing twice."""
        if not self.outcome:
            try:
                await self._engine.ask(EndConference(conference=self.id), Ok)
            except NotFoundError:
                self.apply(ConferenceEnded(conference=self.id, reason="asked"))

    async def ended(self) -> str:
        """Wait for its end, and return why."""
        await self._over.wait()
        return self.outcome

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.end()

    def apply(self, event: ConferenceEnded) -> None:
        """Learn that it has ended."""
        self.outcome = event.reason
        self._over.set()
        self._forget(self)


class OwnConferences:
    """Those of one program that have not ended."""

    def __init__(self) -> None:
        self._known: dict[str, Conference] = {}

    def add(self, conference: Conference) -> None:
        """Take one in."""
        self._known[conference.id] = conference

    def forget(self, conference: Conference) -> None:
        """Let go of one."""
        self._known.pop(conference.id, None)

    def ended(self, event: ConferenceEnded) -> None:
        """Give an event to its conference."""
        conference = self._known.get(event.conference)
        if conference is not None:
            conference.apply(event)

    def lose(self, reason: str) -> None:
        """Give up all: the engine is gone."""
        for name in list(self._known):
            self.ended(ConferenceEnded(conference=name, reason=reason))
