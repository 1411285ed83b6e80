"""What a call is to others and how loud: the part of ``Call`` about bridges, gain and queues."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Final

import msgspec

from bus import calls as verbs
from bus.asking import Engine
from bus.ids import CallId
from bus.playing import Playable, as_source
from bus.protocol import CallEvent, Command
from bus.routing import (
    Bridged,
    GetPosition,
    MemberChanged,
    PauseRecording,
    Position,
    Queue,
    Turn,
    Unbridged,
)
from bus.session import REPLY_WITHIN
from bus.sources import Silence


class RoutedCall:
    """Whom a call hears."""

    def __init__(self, engine: Engine, call: CallId) -> None:
        self.id: Final = call
        self.bridged = CallId("")
        """The call that it is bridged with."""
        self.conference = ""
        """That it is in."""
        self._engine = engine
        self._turned = Turn(call=call)

    async def mute(self, *, received: bool = True, sent: bool = False) -> None:
        """Hear the peer no more, or (``sent``) let it hear nothing; both False is as before."""
        await self._turn(mute_received=received, mute_sent=sent)

    async def gain(self, *, received: float | None = None, sent: float | None = None) -> None:
        """Make what the peer says, or what it hears, louder by so many dB, or softer.

        Raises BadRequestError above 40 dB.
        """
        changes = {"received": received, "sent": sent}
        await self._turn(**{name: gain for name, gain in changes.items() if gain is not None})

    async def queue(self, *sources: Playable) -> None:
        """Play sources one after the other when all before them have come to their ends.

        ``play`` clears the queue.  Each that ends is a ``PlayFinished``.  What has no end (music, a
        tone, silence, another call) gives way to what follows.
        """
        for source in sources:
            await self._ask(Queue(call=self.id, source=as_source(source)))

    async def stop_playing(self) -> None:
        """End what plays and what waits; whoever it is connected with is heard again."""
        await self._ask(verbs.Play(call=self.id, source=Silence()))

    async def position(self) -> Position:
        """Return how many seconds of the source were played, and how many sources wait."""
        return await self._engine.ask(GetPosition(call=self.id), Position)

    async def pause_recording(self) -> None:
        """Leave out what is said from now on.  Raises WrongStateError if nothing is recorded."""
        await self._ask(PauseRecording(call=self.id))

    async def resume_recording(self) -> None:
        """Go on with a recording."""
        await self._ask(PauseRecording(call=self.id, paused=False))

    async def _turn(self, **changes: float) -> None:
        self._turned = msgspec.structs.replace(self._turned, **changes)
        await self._ask(self._turned)

    def _routed(self, event: CallEvent) -> None:
        """Take an event, if it is about this."""
        match event:
            case Bridged():
                self.bridged = event.other
            case Unbridged():
                self.bridged = CallId("")
            case MemberChanged():
                self.conference = event.conference if event.role else ""
            case _:
                pass

    @abstractmethod
    async def _ask(
        self,
        body: Command,
        then: Callable[[verbs.Ok], None] | None = None,
        within: float = REPLY_WITHIN,
    ) -> None: ...
