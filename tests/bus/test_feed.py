import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import zmq

from bus.calls import Ok, Progress
from bus.codec import encode, raw
from bus.envelope import Event
from bus.errors import EngineLostError
from bus.feed import Feed, Missed, Observed
from bus.settings import BusSettings
from bus.sockets import bind_xpub
from tests.bus.test_call import RINGING


class Publisher:
    """The other side, worked by hand."""

    def __init__(self, socket: zmq.SyncSocket) -> None:
        self.socket = socket

    def say(self, sequence: int, body: msgspec.Struct = RINGING, topic: str = "call") -> None:
        event = Event(sequence=sequence, body=raw(body), at=1.0)
        self.socket.send_multipart([topic.encode(), encode(event)])


@asynccontextmanager
async def feeding(folder: Path, *topics: str) -> AsyncGenerator[tuple[Publisher, Feed], None]:
    context = zmq.Context[zmq.SyncSocket].instance()
    address = f"ipc://{folder}/events.sock"
    async with asyncio.timeout(10):
        with bind_xpub(context, address, BusSettings()) as socket:
            feed = Feed(address, topics)
            for _ in topics:
                await asyncio.to_thread(socket.recv)  # who subscribes to what
            token = (await asyncio.to_thread(socket.recv))[1:]
            with pytest.raises(EngineLostError):
                await feed.ready(within=0.0)
            socket.send(token)
            await feed.ready()
            yield Publisher(socket), feed
            feed.close()


def test_events_in_order_and_what_is_missing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with feeding(tmp_path, "call") as (publisher, feed):
            for sequence in (4, 5, 8):
                publisher.say(sequence)
            publisher.say(1)  # after a restart of signaling
            publisher.say(2)
            told = [await anext(feed) for _ in range(7)]
            numbers = [item.sequence if isinstance(item, Observed) else item for item in told]
            assert numbers == [4, 5, Missed("call", 2), 8, Missed("call", 0), 1, 2]
            assert isinstance(told[0], Observed)
            assert isinstance(told[0].event, Progress)

    asyncio.run(scenario())


def test_each_topic_is_numbered_by_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with feeding(tmp_path, "call", "worker") as (publisher, feed):
            for sequence in (7, 8):
                publisher.say(sequence, topic="call")
                publisher.say(sequence - 5, topic="worker")
            told = [await anext(feed) for _ in range(4)]
            assert not [item for item in told if isinstance(item, Missed)]

    asyncio.run(scenario())


def test_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with feeding(tmp_path, "call") as (publisher, feed):
            publisher.say(1)
            publisher.socket.send_multipart([b"call", b"\xc1"])
            publisher.socket.send_multipart([b"call"])
            publisher.say(2)
            told = [await anext(feed) for _ in range(2)]
            assert [type(item) for item in told] == [Observed, Observed]

    asyncio.run(scenario())


def test_an_event_that_only_a_newer_engine_knows_is_a_gap(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with feeding(tmp_path, "call") as (publisher, feed):
            publisher.say(1)
            publisher.say(2, Ok())
            publisher.say(3)
            told = [await anext(feed) for _ in range(3)]
            assert told[1] == Missed("call", 1)

    asyncio.run(scenario())


def test_closing_ends_the_loop_after_what_has_arrived(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with feeding(tmp_path, "call") as (publisher, feed):
            publisher.say(1)
            first = await anext(feed)
            waiting = asyncio.create_task(anext(feed, None))
            await asyncio.sleep(0)
            feed.close()
            assert isinstance(first, Observed)
            assert await waiting is None

    asyncio.run(scenario())


def test_a_feed_that_does_not_open_is_an_error(tmp_path: Path) -> None:
    async def scenario() -> None:
        feed = Feed(f"ipc://{tmp_path}/events.sock", ["call"])
        with pytest.raises(EngineLostError, match="did not open"):
            await feed.ready(within=0.01)
        feed.close()

    asyncio.run(scenario())
