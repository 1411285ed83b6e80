"""A list of what has happened, and whoever waits for more of it.

Whoever waits, waits for a condition on the list (or on what follows from it).  So nothing is missed
that happened before somebody asked.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Generic, TypeVar

E = TypeVar("E")
T = TypeVar("T")


class History(Generic[E]):
    """Events, oldest first."""

    def __init__(self) -> None:
        self.events: list[E] = []
        self._waiters: set[asyncio.Future[None]] = set()

    def add(self, event: E) -> None:
        """Note one; ``wake`` when all that follows from it is noted as well."""
        self.events.append(event)

    def wake(self) -> None:
        """Let everybody who waits look again."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, ready: Callable[[], T | None]) -> T:
        """Wait until ``ready`` finds something, and return that."""
        while (found := ready()) is None:
            await self.change()
        return found

    async def follow(self, over: Callable[[], bool], position: int = 0) -> AsyncGenerator[E, None]:
        """Yield what happened from ``position`` on, and what happens, until it is ``over``."""
        while True:
            while position < len(self.events):
                position += 1
                yield self.events[position - 1]
            if over():
                return
            await self.change()

    async def change(self) -> None:
        """Wait for the next ``wake``."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)
