"""Incoming calls, one after the other: ``async for call in engine.incoming(): ...``.

The engine keeps the queue (``Desk``) and only a weak hold of the iterator: when the loop over it is
left and it is forgotten, its calls are refused and it is unsubscribed.
"""

import asyncio
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Protocol, Self

from bus.call import IncomingCall
from bus.calls import OnOwnerLost
from bus.uris import user_of


class Desk:
    """Where calls for some users wait to be taken."""

    def __init__(self, user: str, on_owner_lost: OnOwnerLost) -> None:
        self.user = user
        self.on_owner_lost = on_owner_lost
        self.waiting = asyncio.Queue[IncomingCall | None]()
        """``None`` at the end says that there will be no more."""

    def takes(self, request_uri: str) -> bool:
        """Return whether the pattern matches the user of a Request-URI."""
        return fnmatchcase(user_of(request_uri), self.user)


class Lobby(Protocol):
    """What the iterator needs of the engine."""

    async def open_desk(self, desk: Desk, holder: "IncomingCalls") -> None:
        """Subscribe."""

    async def close_desk(self, desk: Desk) -> None:
        """Unsubscribe and refuse what waits."""


class IncomingCalls:
    """An asynchronous iterator over the calls that come in.

    It subscribes at the first step, or at once as a context manager:

        async with engine.incoming("sales*") as calls:
            async for call in calls: ...
    """

    def __init__(self, lobby: Lobby, desk: Desk) -> None:
        self._lobby = lobby
        self._desk = desk
        self._open = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> IncomingCall:
        await self._subscribe()
        waiting = self._desk.waiting
        call = await waiting.get()
        if call is None:
            waiting.put_nowait(None)
            raise StopAsyncIteration
        return call

    async def __aenter__(self) -> Self:
        await self._subscribe()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Take no more calls; those that wait are refused."""
        if self._open:
            await self._lobby.close_desk(self._desk)

    async def _subscribe(self) -> None:
        if not self._open:
            self._open = True
            await self._lobby.open_desk(self._desk, self)
