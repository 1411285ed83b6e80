"""What comes to a program by itself, one after the other: ``async for each in arrivals: ...``.

Whoever makes one keeps the queue and only a weak hold of the iterator: when the loop over it is
left and it is forgotten, nobody waits there any more.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Arrivals(Generic[T]):
    """An asynchronous iterator.  It opens at the first step, or at once as a context manager."""

    def __init__(
        self,
        waiting: "asyncio.Queue[T | None]",
        opening: "Callable[[Arrivals[T]], Awaitable[None]]",
        closing: Callable[[], None],
    ) -> None:
        self._waiting = waiting
        """``None`` at the end says that there will be no more."""
        self._opening = opening
        self._closing = closing
        self._open = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        await self._begin()
        arrived = await self._waiting.get()
        if arrived is None:
            self._waiting.put_nowait(None)
            raise StopAsyncIteration
        return arrived

    async def __aenter__(self) -> Self:
        await self._begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Take no more; what waits is refused."""
        if self._open:
            self._closing()

    async def _begin(self) -> None:
        if not self._open:
            self._open = True
            await self._opening(self)
