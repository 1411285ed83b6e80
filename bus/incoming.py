"""Incoming calls, one after the other: ``async for call in engine.incoming(): ...``."""

import asyncio
import contextlib
import weakref
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar

from bus import calls as verbs
from bus.arrivals import Arrivals
from bus.calls import OnOwnerLost
from bus.errors import EngineLostError
from bus.incoming_call import IncomingCall
from bus.protocol import Command, Reply
from bus.uris import user_of

R = TypeVar("R", bound=Reply)


class IncomingCalls(Arrivals[IncomingCall]):
    """As a context manager it subscribes at once: ``async with engine.incoming() as calls``."""


class Asker(Protocol):
    """Signaling, as a reception needs it."""

    @property
    def closed(self) -> bool:
        """Whether nobody is there any more."""
        ...

    async def ask(self, body: Command, reply: type[R]) -> R:
        """Send a request and return its reply."""
        ...

    def tell(self, body: Command) -> None:
        """Send a request whose reply interests nobody."""
        ...


class Desk:
    """Where calls for some users wait to be taken."""

    def __init__(self, user: str, on_owner_lost: OnOwnerLost) -> None:
        self.user = user
        self.on_owner_lost = on_owner_lost
        self.waiting = asyncio.Queue[IncomingCall | None]()

    def takes(self, request_uri: str) -> bool:
        """Return whether the pattern matches the user of a Request-URI."""
        return fnmatchcase(user_of(request_uri), self.user)

    def subscription(self) -> verbs.Subscribe:
        """Return the request that brings us its calls."""
        return verbs.Subscribe(user=self.user, on_owner_lost=self.on_owner_lost)


class Reception:
    """The desks of one program."""

    def __init__(self, signaling: Asker) -> None:
        self._signaling = signaling
        self._desks: list[tuple[Desk, weakref.ref[Arrivals[IncomingCall]]]] = []

    @property
    def busy(self) -> bool:
        """Whether there is a desk."""
        return bool(self._desks)

    def calls(self, user: str, on_owner_lost: OnOwnerLost) -> IncomingCalls:
        """Return the iterator of a new desk, which opens with its first step."""
        desk = Desk(user, on_owner_lost)

        async def opening(holder: Arrivals[IncomingCall]) -> None:
            await self._open(desk, holder)

        return IncomingCalls(desk.waiting, opening, lambda: self._remove(desk))

    def came(
        self, event: verbs.IncomingCall, make: Callable[[OnOwnerLost], IncomingCall]
    ) -> IncomingCall | None:
        """Put a call before the first desk that takes it; refuse it if none does."""
        desk = next((desk for desk, _ in self._desks if desk.takes(event.request_uri)), None)
        if desk is None:
            self._signaling.tell(verbs.Reject(call=event.call, status=480))
            return None
        call = make(desk.on_owner_lost)
        desk.waiting.put_nowait(call)
        return call

    def subscribe_all(self) -> None:
        """Ask for our calls, of a signaling that does not know us."""
        for desk, _ in self._desks:
            self._signaling.tell(desk.subscription())

    def close(self) -> None:
        """Let no loop wait any longer."""
        for desk, _ in self._desks:
            desk.waiting.put_nowait(None)
        self._desks.clear()

    async def _open(self, desk: Desk, holder: Arrivals[IncomingCall]) -> None:
        """Subscribe; a holder that is forgotten closes its desk."""
        if self._signaling.closed:
            desk.waiting.put_nowait(None)
            return
        self._desks.append((desk, weakref.ref(holder, lambda _: self._remove(desk))))
        with contextlib.suppress(EngineLostError):  # renewed when the engine is back
            await self._signaling.ask(desk.subscription(), verbs.Ok)

    def _remove(self, desk: Desk) -> None:
        """Unsubscribe and refuse what waits."""
        left = [entry for entry in self._desks if entry[0] is not desk]
        if len(left) == len(self._desks):
            return
        self._desks = left
        self._signaling.tell(verbs.Unsubscribe())
        self.subscribe_all()
        while not desk.waiting.empty():
            if (call := desk.waiting.get_nowait()) is not None:
                self._signaling.tell(verbs.Reject(call=call.id, status=480))
        desk.waiting.put_nowait(None)
