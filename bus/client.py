"""A connection to signaling: requests that are awaited, events that are handed on at once.

Replies and events are worked in the order in which they came, each before the next one is looked
at: ``then`` of a request runs before any event that follows its reply.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from typing import Protocol, TypeVar, assert_never

import zmq

from bus.calls import Welcome
from bus.errors import EngineLostError, FrameError, OffhookError
from bus.ids import PeerId
from bus.link import Link
from bus.protocol import ClientEvent, Command, Reply
from bus.session import (
    REPLY_WITHIN,
    Happened,
    Joined,
    Lost,
    NotAdmitted,
    Replied,
    RequestFailed,
    Session,
    Signal,
    Transmit,
)
from bus.sockets import connect_dealer

R = TypeVar("R", bound=Reply)

log = logging.getLogger(__name__)


class Listener(Protocol):
    """Who is told what happens; called in order, must not block."""

    def happened(self, event: ClientEvent, at: float) -> None:
        """Take an event; ``at`` is Unix time."""

    def joined(self, welcome: Welcome, fresh: bool) -> None:
        """Take how the calls stand; ``fresh``: signaling knows nothing from before."""

    def lost(self, reason: str) -> None:
        """Learn that signaling has not answered for long."""


class _Waiter:
    """Somebody who awaits a reply."""

    def __init__(self, settle: Callable[[Reply], None], future: asyncio.Future[Reply]) -> None:
        self.settle = settle
        self.future = future


class Client:
    """One session with signaling, renewed when signaling was restarted."""

    def __init__(self, endpoint: str, listener: Listener, peer: PeerId) -> None:
        self.endpoint = endpoint
        self.peer = peer
        self.session = Session(peer, incarnation=secrets.token_hex(8))
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._waiters: dict[int, _Waiter] = {}
        self._admitted: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        context = zmq.Context[zmq.SyncSocket].instance()
        self._link = Link(connect_dealer(context, endpoint), self._received)

    @property
    def closed(self) -> bool:
        """True after ``close``."""
        return self._link.closed

    async def join(self, within: float) -> None:
        """Say hello and wait for the answer.

        Raises EngineLostError if there is none in time, RefusedError if we are not let in.
        """
        self._apply(self.session.hello(self._loop.time()))
        try:
            async with asyncio.timeout(within):
                await self._admitted
        except TimeoutError:
            raise EngineLostError(
                f"no engine answered at {self.endpoint} within {within:g} s"
            ) from None

    async def ask(
        self,
        body: Command,
        reply: type[R],
        *,
        then: Callable[[R], None] | None = None,
        within: float = REPLY_WITHIN,
    ) -> R:
        """Send a request and return its reply.

        ``then`` gets the reply before any later event is worked, also if the caller was cancelled
        meanwhile.  Raises RefusedError, or EngineLostError if no answer will come.
        """
        if self._link.closed:
            raise EngineLostError("the connection to the engine was closed")
        waiter = _Waiter(_settler(reply, then), self._loop.create_future())
        now = self._loop.time()
        deadline = time.time() + within
        id, signals = self.session.request(body, now, timeout=within, deadline=deadline)
        self._waiters[id] = waiter
        self._apply(signals)
        answer = await waiter.future
        assert isinstance(answer, reply)  # the settler has seen to it
        return answer

    def tell(self, body: Command) -> None:
        """Send a request whose answer interests nobody."""
        if not self._link.closed:
            self._apply(self.session.request(body, self._loop.time())[1])

    def close(self) -> None:
        """End the connection; whoever still waits hears EngineLostError."""
        if self._timer is not None:
            self._timer.cancel()
        self._link.close()
        for waiter in self._waiters.values():
            _fail(waiter.future, EngineLostError("the connection to the engine was closed"))
        self._waiters.clear()

    # ------------------------------------------------------------------------------- inside

    def _received(self, message: list[bytes]) -> None:
        for frame in message:
            try:
                signals = self.session.receive(frame, self._loop.time())
            except FrameError as error:
                log.warning("dropped a frame from %s: %s", self.endpoint, error)
            else:
                self._apply(signals)

    def _wake(self) -> None:
        self._apply(self.session.wake(self._loop.time()))

    def _apply(self, signals: list[Signal]) -> None:
        for signal in signals:
            self._one(signal)
        if self._timer is not None:
            self._timer.cancel()
        if not self._link.closed:
            self._timer = self._loop.call_at(self.session.deadline(), self._wake)

    def _one(self, signal: Signal) -> None:
        match signal:
            case Transmit():
                if signal.alone:
                    self._link.forget_unsent()
                self._link.send(signal.frame)
            case Replied():
                self._settle(signal)
            case RequestFailed():
                if waiter := self._waiters.pop(signal.id, None):
                    _fail(waiter.future, signal.error)
            case Happened():
                self._listener.happened(signal.event, signal.at)
            case Joined():
                self._listener.joined(signal.welcome, signal.fresh)
                if not self._admitted.done():
                    self._admitted.set_result(None)
            case Lost():
                self._listener.lost(signal.reason)
            case NotAdmitted():
                _fail(self._admitted, signal.error)
            case _:
                assert_never(signal)

    def _settle(self, replied: Replied) -> None:
        waiter = self._waiters.pop(replied.id, None)
        if waiter is None:
            return
        try:
            waiter.settle(replied.body)
        except FrameError as error:
            _fail(waiter.future, error)
            return
        if not waiter.future.done():
            waiter.future.set_result(replied.body)


def _settler(reply: type[R], then: Callable[[R], None] | None) -> Callable[[Reply], None]:
    def settle(body: Reply) -> None:
        if not isinstance(body, reply):
            raise FrameError(f"signaling replied {type(body).__name__}, not {reply.__name__}")
        if then is not None:
            then(body)

    return settle


def _fail(future: asyncio.Future[Reply] | asyncio.Future[None], error: OffhookError) -> None:
    if not future.done():
        future.set_exception(error)
