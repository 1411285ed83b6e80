"""What peers ask of us: "call that one" (REFER).  ``async for request in engine.transfers(): ...``.

    async for request in engine.transfers():
        if request.uri.endswith("@example.com"):
            call = await request.accept(play="hello.wav")       # the old call ends if it succeeds
        else:
            await request.decline()

While nobody listens each is declined at once: calling on behalf of strangers costs money.
"""

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from bus import calls as verbs
from bus.arrivals import Arrivals
from bus.asking import Engine
from bus.call import SILENCE, Call
from bus.playing import Playable, absolute, as_source
from bus.protocol import Command
from bus.transfers import AcceptTransfer, DeclineTransfer, TransferAsked

Follow = Callable[[AcceptTransfer, str], Awaitable[Call]]
"""Sends it and returns the call to this URI."""


class TransferRequest:
    """A peer asks us to call somebody."""

    def __init__(
        self, engine: Engine, event: TransferAsked, call: Call | None, follow: Follow
    ) -> None:
        self.event: Final = event
        """What came: whether it replaces a call, headers, where it came from."""
        self.uri: Final = event.uri
        """Whom to call."""
        self.referred_by: Final = event.referred_by
        """Who asks, as they say."""
        self.call: Final = call
        """Whose peer asks; None: it was asked outside of our calls."""
        self._engine = engine
        self._follow = follow

    def __repr__(self) -> str:
        return f"<TransferRequest {self.event.transfer} to {self.uri} of {self.call}>"

    async def accept(
        self,
        uri: str = "",
        *,
        any_domain: bool = False,
        play: Playable = SILENCE,
        record: str | Path = "",
        headers: Mapping[str, str] | None = None,
        ring_timeout: float = 60.0,
        user: str = "",
        password: str = "",
    ) -> Call:
        """Call, and return that call at once, as ``dial`` does; who asked is told how it goes.

        ``uri``: call this instead.  Raises ForbiddenError if it is in another domain than who asks
        and not ``any_domain``.
        """
        request = AcceptTransfer(
            transfer=self.event.transfer,
            uri=uri,
            any_domain=any_domain,
            play=as_source(play),
            record=absolute(record),
            headers=tuple((headers or {}).items()),
            ring_timeout=ring_timeout,
            user=user,
            password=password,
        )
        return await self._follow(request, uri or self.uri)

    async def decline(self, status: int = 603, reason: str = "") -> None:
        """Refuse with a status from 400 to 699."""
        request = DeclineTransfer(transfer=self.event.transfer, status=status, reason=reason)
        await self._engine.ask(request, verbs.Ok)


class TransferRequests(Arrivals[TransferRequest]):
    """As a context manager it listens at once."""


class TransferDesk:
    """Where they wait to be taken: one queue, for the iterator that was made last."""

    def __init__(self, tell: Callable[[Command], None]) -> None:
        self._tell = tell
        self._waiting: asyncio.Queue[TransferRequest | None] | None = None
        self._holder: weakref.ref[Arrivals[TransferRequest]] | None = None

    def requests(self) -> TransferRequests:
        """Return an iterator, which listens from its first step on."""
        waiting = asyncio.Queue[TransferRequest | None]()

        async def opening(holder: Arrivals[TransferRequest]) -> None:
            self.close()
            self._waiting = waiting
            self._holder = weakref.ref(holder, lambda _: self._leave(waiting))

        return TransferRequests(waiting, opening, lambda: self._leave(waiting))

    def asked(self, request: TransferRequest) -> None:
        """Take one; decline it if nobody listens."""
        if self._waiting is None:
            self._tell(DeclineTransfer(transfer=request.event.transfer))
        else:
            self._waiting.put_nowait(request)

    def close(self) -> None:
        """Stop listening: decline what waits, and let no loop wait any longer."""
        if self._waiting is not None:
            self._leave(self._waiting)

    def _leave(self, waiting: "asyncio.Queue[TransferRequest | None]") -> None:
        if self._waiting is not waiting:
            return
        self._waiting = self._holder = None
        while not waiting.empty():
            if (request := waiting.get_nowait()) is not None:
                self._tell(DeclineTransfer(transfer=request.event.transfer))
        waiting.put_nowait(None)
