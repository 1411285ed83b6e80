"""The public feed: what happens in the engine, for anybody who watches.

It is a PUB socket: a reader that is too slow loses events.  Events are numbered per topic, so a
loss is seen, and told as ``Missed`` in its place.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Iterable
from typing import Final, Self

import msgspec
import zmq

from bus.codec import decode_body, decode_frame
from bus.envelope import Event
from bus.errors import EngineLostError, OffhookError
from bus.link import Link
from bus.protocol import FeedEvent
from bus.sockets import FEED_QUEUE, connect_sub

READY: Final = "~ready."
"""Signaling answers to a subscription of such a topic with the topic itself.  It is the last one
in the order in which subscriptions are sent."""
READY_WITHIN: Final = 5.0

_events: Final = msgspec.msgpack.Decoder(FeedEvent)


class Observed(msgspec.Struct, frozen=True):
    """An event of the feed; ``at`` is Unix time, ``sequence`` its number within the topic."""

    topic: str
    at: float
    sequence: int
    event: FeedEvent


class Missed(msgspec.Struct, frozen=True):
    """Events of a topic were lost; 0 if nobody knows how many, as signaling was restarted."""

    topic: str
    count: int


class Feed:
    """An asynchronous iterator over the feed, from now on, until it is closed."""

    def __init__(self, endpoint: str, topics: Iterable[str]) -> None:
        self._token = f"{READY}{secrets.token_hex(8)}"
        self._heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._frames = deque[tuple[str, bytes]](maxlen=FEED_QUEUE)
        self._last: dict[str, int] = {}
        self._ready = asyncio.Event()
        self._after_gap: Observed | None = None
        context = zmq.Context[zmq.SyncSocket].instance()
        self._link = Link(connect_sub(context, endpoint, (*topics, self._token)), self._received)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Observed | Missed:
        while not self._link.closed or self._frames or self._after_gap:
            if (item := self._next()) is not None:
                return item
            self._ready.clear()
            await self._ready.wait()
        raise StopAsyncIteration

    async def ready(self, within: float = READY_WITHIN) -> None:
        """Wait until signaling knows that we listen: nothing that begins afterwards is missed.

        Raises EngineLostError if it does not say so in time.
        """
        try:
            async with asyncio.timeout(within):
                await asyncio.shield(self._heard)
        except TimeoutError:
            raise EngineLostError(f"the feed did not open within {within:g} s") from None

    def close(self) -> None:
        """End it; what has arrived can still be read."""
        self._link.close()
        self._ready.set()

    def _received(self, message: list[bytes]) -> None:
        if message == [self._token.encode()]:
            if not self._heard.done():
                self._heard.set_result(None)
        elif len(message) == 2:
            self._frames.append((message[0].decode(errors="replace"), message[1]))
            self._ready.set()

    def _next(self) -> Observed | Missed | None:
        if (held := self._after_gap) is not None:
            self._after_gap = None
            return held
        while self._frames:
            if (item := _observed(*self._frames.popleft())) is not None:
                return self._in_order(item)
        return None

    def _in_order(self, item: Observed) -> Observed | Missed:
        """Return the event, or what is missing before it."""
        expected = self._last.get(item.topic, item.sequence - 1) + 1
        self._last[item.topic] = item.sequence
        if item.sequence == expected:
            return item
        self._after_gap = item
        return Missed(item.topic, max(0, item.sequence - expected))


def _observed(topic: str, frame: bytes) -> Observed | None:
    """Decode; None for what only a newer version knows."""
    try:
        envelope = decode_frame(frame)
        if isinstance(envelope, Event):
            body = decode_body(_events, envelope.body)
            return Observed(topic, envelope.at, envelope.sequence, body)
    except OffhookError:
        pass
    return None
