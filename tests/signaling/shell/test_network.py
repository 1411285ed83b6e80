"""Datagrams and connections on the loopback."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from bus.settings import SipSettings
from signaling.effects import Input, Malformed, Received, Send, TransportFailed
from signaling.shell.listeners import open_listener
from signaling.shell.network import Network
from signaling.sip.flow import Flow
from signaling.state import Listener
from tests.bus.waiting import until

LONGEST = 2000
MESSAGE = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def listening(
    text: str, fed: list[Input], *, max_connections: int = 10
) -> AsyncGenerator[tuple[Network, Listener], None]:
    network = Network(
        fed.append, SipSettings(max_connections=max_connections, max_message_bytes=LONGEST)
    )
    listener, opened = open_listener(text, "")
    await network.add(listener, opened)
    try:
        yield network, listener
    finally:
        network.close()
        await until(lambda: not network.connections)


def test_datagrams_come_and_go() -> None:
    async def scenario() -> None:
        fed = list[Input]()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.1", 0))
            peer.setblocking(False)
            async with listening("udp:127.0.0.1:0", fed) as (network, listener):
                for datagram in (b"\r\n\r\n", MESSAGE):
                    peer.sendto(datagram, ("127.0.0.1", listener.port))
                await until(lambda: fed)
                flow = Flow(listener.name, *peer.getsockname())
                assert fed == [Received(flow, MESSAGE)]
                network.send(Send(flow, b"answer"))
                loop = asyncio.get_running_loop()
                assert await loop.sock_recv(peer, 100) == b"answer"

    asyncio.run(scenario())


def test_a_datagram_that_is_too_long_is_not_taken_for_a_message() -> None:
    async def scenario() -> None:
        fed = list[Input]()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            async with listening("udp:127.0.0.1:0", fed) as (_, listener):
                peer.sendto(MESSAGE + b" " * LONGEST, ("127.0.0.1", listener.port))
                await until(lambda: fed)
        assert [(type(given), given.status) for given in fed if isinstance(given, Malformed)] == [
            (Malformed, 513)
        ]

    asyncio.run(scenario())


def test_a_datagram_that_cannot_be_sent_is_reported_later() -> None:
    async def scenario() -> None:
        fed = list[Input]()
        async with listening("udp:127.0.0.1:0", fed) as (network, listener):
            for host, port, size in (("127.0.0.1", 0, 9), ("::1", 9, 9), ("127.0.0.1", 9, 70000)):
                network.send(Send(Flow(listener.name, host, port), b"x" * size))
            assert not fed
            await until(lambda: len(fed) == 3)
            assert {type(given) for given in fed} == {TransportFailed}

    asyncio.run(scenario())


def test_a_connection_is_framed_answered_and_used_again() -> None:
    async def scenario() -> None:
        fed = list[Input]()
        async with listening("tcp:127.0.0.1:0", fed) as (network, listener):
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(b"\r\n\r\n" + MESSAGE + MESSAGE[:10])
            assert await reader.readexactly(2) == b"\r\n"
            writer.write(MESSAGE[10:])
            await until(lambda: len(fed) == 2)
            (first, second) = fed
            assert isinstance(first, Received)
            assert first == second
            network.send(Send(first.flow, b"answer"))
            assert await reader.readexactly(6) == b"answer"
            writer.close()
            await writer.wait_closed()
            await until(lambda: not network.connections)

    asyncio.run(scenario())


def test_what_cannot_be_framed_is_reported_and_cut() -> None:
    async def scenario() -> None:
        fed = list[Input]()
        async with listening("tcp:127.0.0.1:0", fed) as (_, listener):
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(MESSAGE.replace(b"h: 0", b"h: x"))
            assert await reader.read() == b""
            assert [type(given) for given in fed] == [Malformed]
            writer.close()
            await writer.wait_closed()

    asyncio.run(scenario())


def test_more_connections_than_allowed_are_cut() -> None:
    async def scenario() -> None:
        fed = list[Input]()
        async with listening("tcp:127.0.0.1:0", fed, max_connections=1) as (network, listener):
            _, first = await asyncio.open_connection("127.0.0.1", listener.port)
            await until(lambda: network.connections)
            reader, second = await asyncio.open_connection("127.0.0.1", listener.port)
            assert await _end_of(reader)
            assert len(network.connections) == 1
            for writer in (first, second):
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()

    asyncio.run(scenario())


async def _end_of(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


def test_a_connection_that_nobody_takes_is_reported() -> None:
    async def scenario() -> None:
        fed = list[Input]()
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            async with listening("tcp:127.0.0.1:0", fed) as (network, listener):
                flow = Flow(listener.name, *closed.getsockname())
                network.send(Send(flow, MESSAGE))
                network.send(Send(flow, MESSAGE))
                await until(lambda: fed)
                assert [type(given) for given in fed] == [TransportFailed]
                assert not network.opening

    asyncio.run(scenario())


def test_messages_wait_for_their_connection_in_order() -> None:
    async def scenario() -> None:
        heard = bytearray()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while piece := await reader.read(100):
                heard.extend(piece)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        fed = list[Input]()
        async with server, listening("tcp:127.0.0.1:0", fed) as (network, listener):
            flow = Flow(listener.name, *server.sockets[0].getsockname())
            network.send(Send(flow, b"one "))
            network.send(Send(flow, b"two"))
            await until(lambda: len(heard) == 7)
            assert heard == b"one two"
            assert len(network.connections) == 1

    asyncio.run(scenario())
