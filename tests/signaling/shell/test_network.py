"""Datagrams and connections on the loopback."""

import asyncio
import socket
from contextlib import suppress

import pytest

from signaling.effects import Input, Malformed, Received, Send, TransportFailed
from signaling.sip.flow import Flow
from tests.bus.waiting import until
from tests.signaling.shell.serving import LONGEST, MESSAGE, end_of, listening, serving


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
            await until(lambda: len(fed) == 2)  # its end is told too
            assert [type(given) for given in fed] == [Malformed, TransportFailed]
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
            assert await end_of(reader)
            assert len(network.connections) == 1
            for writer in (first, second):
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()

    asyncio.run(scenario())


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

        fed = list[Input]()
        async with (
            serving(serve) as place,
            listening("tcp:127.0.0.1:0", fed) as (network, listener),
        ):
            flow = Flow(listener.name, *place)
            network.send(Send(flow, b"one "))
            network.send(Send(flow, b"two"))
            await until(lambda: len(heard) == 7)
            assert heard == b"one two"
            assert len(network.connections) == 1

    asyncio.run(scenario())


REQUEST = (
    "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP {host}:{port};branch=z9hG4bK1\r\n"
    "Content-Length: 0\r\n\r\n"
)


def test_a_connection_is_also_at_the_port_that_its_peer_says() -> None:
    async def scenario() -> None:
        fed = list[Input]()
        async with listening("tcp:127.0.0.1:0", fed) as (network, listener):
            for host, aliased in (("192.0.2.7", False), ("127.0.0.1", True)):
                reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
                writer.write(REQUEST.format(host=host, port=5099).encode())
                await until(lambda: any(isinstance(given, Received) for given in fed))
                assert (("tcp", host, 5099) in network.places) is aliased
                fed.clear()
                if aliased:
                    network.send(Send(Flow(listener.name, host, 5099), b"hello"))
                    assert await reader.readexactly(5) == b"hello"
                writer.close()
                await writer.wait_closed()
            await until(lambda: not network.connections)
            assert not network.places

    asyncio.run(scenario())


def test_a_flow_whose_connection_is_gone_opens_another() -> None:
    async def scenario() -> None:
        heard = bytearray()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.extend(await reader.read(100))

        fed = list[Input]()
        async with (
            serving(serve) as (host, port),
            listening("tcp:127.0.0.1:0", fed) as (network, listener),
        ):
            network.send(Send(Flow(listener.name, host, port, "gone"), b"answer"))
            await until(lambda: bytes(heard) == b"answer")
            await until(lambda: not network.connections)

    asyncio.run(scenario())


def test_a_stun_binding_request_is_answered_on_the_sip_port() -> None:
    async def scenario() -> None:
        fed = list[Input]()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.1", 0))
            peer.setblocking(False)
            async with listening("udp:127.0.0.1:0", fed) as (_, listener):
                request = bytes.fromhex("000100002112a442") + b"x" * 12
                peer.sendto(request, ("127.0.0.1", listener.port))
                answer = await asyncio.get_running_loop().sock_recv(peer, 100)
                assert answer[:2] == b"\x01\x01"
                port = int.from_bytes(answer[26:28]) ^ 0x2112
                assert port == peer.getsockname()[1]
        assert not fed

    asyncio.run(scenario())


def test_a_registered_flow_is_kept_open_for_its_time() -> None:
    async def scenario() -> None:
        fed = list[Input]()
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.1", 0))
            peer.setblocking(False)
            async with listening("udp:127.0.0.1:0", fed, keepalive=0.05) as (network, listener):
                flow = Flow(listener.name, *peer.getsockname())
                network.keep_open(flow, 600.0)
                network.keep_open(flow, 0.16)  # renewed: this counts
                for _ in range(3):
                    assert await loop.sock_recv(peer, 100) == b"\r\n\r\n"
                assert not network.kept
                network.keep_open(flow, 600.0)
                network.keep_open(flow, 0.0)
                assert not network.kept

    asyncio.run(scenario())


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_ipv6(transport: str) -> None:
    async def scenario() -> None:
        fed, heard = list[Input](), list[Input]()
        async with (
            listening(f"{transport}:[::1]:0", fed) as (network, here),
            listening(f"{transport}:[::1]:0", heard) as (_, there),
        ):
            network.send(Send(Flow(here.name, "::1", there.port), MESSAGE))
            await until(lambda: heard)
            (given,) = heard
            assert isinstance(given, Received)
            assert (given.flow.host, given.datagram) == ("::1", MESSAGE)

    asyncio.run(scenario())
