"""The living calls of one program: how they come to be, get their events, and are lost."""

import asyncio
import contextlib
import time
from collections.abc import Iterable
from typing import Final

from bus import calls as verbs
from bus.asking import Engine
from bus.call import Call, CallState
from bus.calls import CallInfo, OnOwnerLost
from bus.errors import OffhookError
from bus.ids import CallId, PeerId
from bus.incoming_call import IncomingCall
from bus.protocol import CallEvent
from bus.transfers import AcceptTransfer, Replaced

GOODBYE_WITHIN: Final = 3.0


class OwnCalls:
    """By name; a call that has ended is not in here any more."""

    def __init__(self, engine: Engine, peer: PeerId) -> None:
        self._engine = engine
        self._peer = peer
        self._calls: dict[CallId, Call] = {}

    @property
    def living(self) -> tuple[Call, ...]:
        """All of them, oldest first."""
        return tuple(self._calls.values())

    def get(self, call: CallId) -> Call | None:
        """Return one of them."""
        return self._calls.get(call)

    def add(self, call: Call) -> None:
        """Take one in."""
        self._calls[call.id] = call

    def apply(self, call_id: CallId, event: CallEvent, at: float) -> None:
        """Give an event to its call."""
        if (call := self._calls.get(call_id)) is not None:
            call.apply(event, at)
            if call.outcome is not None:
                del self._calls[call.id]

    def lose(self, reason: str) -> None:
        """Give up all: the engine is gone."""
        for call in self.living:
            call.lose(reason, time.time())
        self._calls.clear()

    async def dial(
        self, request: verbs.Dial | AcceptTransfer, uri: str, from_uri: str, policy: OnOwnerLost
    ) -> Call:
        """Send it and return the call it makes; a caller that is cancelled hangs it up."""
        made: list[Call] = []
        given_up = False

        def dialled(reply: verbs.Dialled) -> None:
            call = Call(
                self._engine,
                reply.call,
                uri=uri,
                from_uri=from_uri,
                state=CallState.CALLING,
                on_owner_lost=policy,
            )
            self._calls[call.id] = call
            made.append(call)
            if given_up:
                self._engine.tell(verbs.HangUp(call=call.id))

        try:
            await self._engine.ask(request, verbs.Dialled, then=dialled)
        except asyncio.CancelledError:
            given_up = True
            for call in made:
                self._engine.tell(verbs.HangUp(call=call.id))
            raise
        return made[0]

    def reconcile(self, infos: Iterable[CallInfo], reason: str) -> None:
        """Make our calls agree with what signaling says is ours."""
        ours = {info.call: info for info in infos if info.owner == self._peer}
        for call in self.living:
            if call.id not in ours:
                call.lose(reason, time.time())
                del self._calls[call.id]
        for info in ours.values():
            if info.call not in self._calls:
                self._calls[info.call] = _adopted(self._engine, info)
            self._calls[info.call].restore(info)

    def replaced(self, event: Replaced, at: float) -> None:
        """Take in the call that takes the place of another."""
        old = self._calls.get(event.call)
        if old is None:
            self._engine.tell(verbs.HangUp(call=event.by))
            return
        came = _announced(event.by, event.remote, old.uri)
        new = IncomingCall(self._engine, came, old.on_owner_lost, CallState.ANSWERING)
        self._calls[new.id] = new
        old.replace(event, new, at)

    async def hang_up_all(self) -> None:
        """Hang up those that shall not outlive us, within a few seconds."""
        ours = [call for call in self.living if call.on_owner_lost is OnOwnerLost.HANG_UP]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_WITHIN):
                await asyncio.gather(*map(_goodbye, ours))


async def _goodbye(call: Call) -> None:
    with contextlib.suppress(OffhookError):
        await call.hang_up()


def _adopted(engine: Engine, info: CallInfo) -> Call:
    """Return a call that is ours from before."""
    state = CallState(info.state)
    if info.direction == "out":
        return Call(engine, info.call, uri=info.remote, from_uri=info.local, state=state)
    came = _announced(info.call, info.remote, info.local)
    return IncomingCall(engine, came, OnOwnerLost.KEEP, state)


def _announced(call: CallId, remote: str, local: str) -> verbs.IncomingCall:
    """Return the event that would have announced a call."""
    return verbs.IncomingCall(
        call=call,
        from_uri=remote,
        from_display="",
        to_uri=local,
        request_uri=local,
        headers=(),
        source="",
    )
