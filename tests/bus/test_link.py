import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import zmq

from bus.link import BATCH, Link
from bus.settings import BusSettings
from bus.sockets import bind_router, connect_dealer
from tests.bus.waiting import until


def ignore(message: list[bytes]) -> None:
    """Take no notice."""


@contextmanager
def router_at(address: str) -> Generator[zmq.SyncSocket, None, None]:
    """The other side, worked by hand."""
    context = zmq.Context[zmq.SyncSocket].instance()
    with bind_router(context, address, BusSettings()) as router:
        router.setsockopt(zmq.LINGER, 0)
        yield router


@contextmanager
def link_to(address: str, receive: Callable[[list[bytes]], None]) -> Generator[Link, None, None]:
    context = zmq.Context[zmq.SyncSocket].instance()
    link = Link(connect_dealer(context, address), receive)
    try:
        yield link
    finally:
        link.close()


async def take(router: zmq.SyncSocket) -> list[bytes]:
    await until(lambda: router.poll(0))
    return router.recv_multipart()


def test_what_is_sent_before_the_connection_is_sent_in_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        address = f"ipc://{tmp_path}/router"
        with link_to(address, ignore) as link:
            for number in range(3):
                link.send(str(number).encode())
            with router_at(address) as router:
                assert [(await take(router))[1] for _ in range(3)] == [b"0", b"1", b"2"]

    asyncio.run(scenario())


def test_frames_that_come_while_we_send_are_not_forgotten(tmp_path: Path) -> None:
    """The edge: a send consumes the descriptor's only announcement of what has arrived."""

    async def scenario() -> None:
        address, received = f"ipc://{tmp_path}/router", list[bytes]()
        with (
            router_at(address) as router,
            link_to(address, lambda message: received.append(message[-1])) as link,
        ):
            link.send(b"hello")
            identity = (await take(router))[0]
            for count in range(2, 2000, 2):
                router.send_multipart([identity, b"a"])
                link.send(b"x")
                router.send_multipart([identity, b"b"])
                await until(partial(has, received, count))

    asyncio.run(scenario())


def test_more_than_a_batch_arrives_completely(tmp_path: Path) -> None:
    async def scenario() -> None:
        address, received = f"ipc://{tmp_path}/router", list[bytes]()
        with (
            router_at(address) as router,
            link_to(address, lambda message: received.append(message[-1])) as link,
        ):
            link.send(b"hello")
            identity = (await take(router))[0]
            wanted = [str(number).encode() for number in range(3 * BATCH)]
            for frame in wanted:
                await until(partial(sent, router, identity, frame))
            await until(lambda: len(received) == len(wanted))
            assert received == wanted

    asyncio.run(scenario())


def has(received: list[bytes], count: int) -> bool:
    return len(received) == count


def sent(router: zmq.SyncSocket, identity: bytes, frame: bytes) -> bool:
    try:
        router.send_multipart([identity, frame], zmq.NOBLOCK)
    except zmq.Again:
        return False
    return True


def test_what_was_forgotten_is_not_sent_later(tmp_path: Path) -> None:
    async def scenario() -> None:
        address = f"ipc://{tmp_path}/router"
        with link_to(address, ignore) as link:
            link.send(b"stale")
            link.forget_unsent()
            link.send(b"fresh")
            with router_at(address) as router:
                assert (await take(router))[1] == b"fresh"

    asyncio.run(scenario())


def test_closing_in_the_middle_of_a_batch_ends_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        address, received = f"ipc://{tmp_path}/router", list[bytes]()

        def close_at_once(message: list[bytes]) -> None:
            received.append(message[-1])
            link.close()

        with router_at(address) as router, link_to(address, close_at_once) as link:
            link.send(b"hello")
            identity = (await take(router))[0]
            router.send_multipart([identity, b"1"])
            router.send_multipart([identity, b"2"])
            await until(lambda: link.closed)
            assert received == [b"1"]

    asyncio.run(scenario())
