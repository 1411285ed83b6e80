"""SIP over WebSocket (RFC 7118), with another library (wsproto) at the other end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)

from signaling.effects import Input, Received, Send, TransportFailed
from signaling.sip.flow import Flow
from tests.bus.waiting import until
from tests.signaling.shell.serving import LONGEST, MESSAGE, Serve, end_of, listening, serving

RAW = MESSAGE.replace(b"Content-Length: 0\r\n", b"")
"""Without Content-Length: the frame ends the message."""


class Peer:
    """One end of a WebSocket by wsproto."""

    def __init__(
        self, role: ConnectionType, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.web = WSConnection(role)
        self.reader = reader
        self.writer = writer
        self.unread: list[Event] = []

    def send(self, *events: Event) -> None:
        for event in events:
            self.writer.write(self.web.send(event))

    async def next(self) -> Event | None:
        """Return what comes next, None at the end."""
        while not self.unread:
            with suppress(ConnectionError):
                data = await self.reader.read(4096)
                if not data:
                    return None
                self.web.receive_data(data)
                self.unread += self.web.events()
        return self.unread.pop(0)


@asynccontextmanager
async def browser(port: int, *subprotocols: str) -> AsyncGenerator[Peer, None]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    peer = Peer(ConnectionType.CLIENT, reader, writer)
    peer.send(Request(host="127.0.0.1", target="/", subprotocols=list(subprotocols)))
    try:
        yield peer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def test_a_message_a_frame_both_ways() -> None:
    async def scenario() -> None:
        fed = list[Input]()
        async with (
            listening("ws:127.0.0.1:0", fed) as (network, listener),
            browser(listener.port, "chat", "sip") as peer,
        ):
            accepted = await peer.next()
            assert isinstance(accepted, AcceptConnection)
            assert accepted.subprotocol == "sip"
            peer.send(TextMessage(RAW.decode()), BytesMessage(RAW))
            await until(lambda: len(fed) == 2)
            for given in fed:
                assert isinstance(given, Received)
                assert given.datagram == RAW
            assert isinstance(fed[0], Received)
            network.send(Send(fed[0].flow, b"SIP/2.0 200 OK\r\n\r\n"))
            network.send(Send(fed[0].flow, b"\xff"))
            assert await peer.next() == TextMessage("SIP/2.0 200 OK\r\n\r\n")
            assert await peer.next() == BytesMessage(bytearray(b"\xff"))

    asyncio.run(scenario())


def test_a_message_in_fragments_and_pings_between() -> None:
    async def scenario() -> None:
        fed = list[Input]()
        async with (
            listening("ws:127.0.0.1:0", fed) as (_, listener),
            browser(listener.port, "sip") as peer,
        ):
            await peer.next()
            text = RAW.decode()
            peer.send(
                TextMessage(text[:9], message_finished=False),
                Ping(b"there?"),
                TextMessage(text[9:]),
            )
            answer = await peer.next()
            assert isinstance(answer, Pong)
            assert bytes(answer.payload) == b"there?"
            await until(lambda: fed)
            peer.send(TextMessage("\r\n\r\n"))  # RFC 5626's ping in a frame
            assert await peer.next() == TextMessage("\r\n")
            assert [type(given) for given in fed] == [Received]

    asyncio.run(scenario())


@pytest.mark.parametrize("subprotocols", [(), ("chat",)])
def test_who_does_not_speak_sip_is_turned_away(subprotocols: tuple[str, ...]) -> None:
    async def scenario() -> None:
        fed = list[Input]()
        async with (
            listening("ws:127.0.0.1:0", fed) as (_, listener),
            browser(listener.port, *subprotocols) as peer,
        ):
            answer = await peer.next()
            assert isinstance(answer, RejectConnection)
            assert answer.status_code == 400
        assert not any(isinstance(given, Received) for given in fed)

    asyncio.run(scenario())


def test_a_message_that_is_too_long_closes_the_connection() -> None:
    async def scenario() -> None:
        fed = list[Input]()
        async with (
            listening("ws:127.0.0.1:0", fed) as (network, listener),
            browser(listener.port, "sip") as peer,
        ):
            await peer.next()
            peer.send(TextMessage("x" * (LONGEST + 1)))
            answer = await peer.next()
            assert isinstance(answer, CloseConnection)
            assert answer.code == 1009
            await until(lambda: not network.connections)

    asyncio.run(scenario())


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: a\r\n"])
def test_a_handshake_is_not_waited_for_without_end(said: bytes) -> None:
    async def scenario() -> None:
        fed = list[Input]()
        async with listening("ws:127.0.0.1:0", fed, stall_timeout=0.2) as (_, listener):
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(said)
            assert await end_of(reader)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    asyncio.run(scenario())


def server(heard: list[Event], subprotocol: str | None = "sip") -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(ConnectionType.SERVER, reader, writer)
        assert isinstance(await peer.next(), Request)
        peer.send(AcceptConnection(subprotocol=subprotocol))
        while (event := await peer.next()) is not None:
            heard.append(event)
            if isinstance(event, Ping):
                peer.send(event.response())
            if isinstance(event, CloseConnection):
                peer.send(event.response())
                return

    return serve


def test_we_connect_and_ask_whether_anybody_is_there() -> None:
    async def scenario() -> None:
        fed, heard = list[Input](), list[Event]()
        async with (
            serving(server(heard)) as place,
            listening("ws:127.0.0.1:0", fed, keepalive=0.05) as (network, listener),
        ):
            network.pong_timeout = 0.2
            for message in (b"one", b"two"):
                network.send(Send(Flow(listener.name, *place), message))
            await until(lambda: len(heard) > 8)
        assert heard[:2] == [TextMessage("one"), TextMessage("two")]
        assert {type(event) for event in heard[2:]} == {Ping, CloseConnection}

    asyncio.run(scenario())


def test_a_server_that_does_not_speak_sip_is_of_no_use() -> None:
    async def scenario() -> None:
        fed, heard = list[Input](), list[Event]()
        async with (
            serving(server(heard, None)) as place,
            listening("ws:127.0.0.1:0", fed) as (network, listener),
        ):
            network.send(Send(Flow(listener.name, *place), b"one"))
            await until(lambda: fed)
            (given,) = fed
            assert isinstance(given, TransportFailed)
            assert "does not speak sip" in given.reason
        assert not heard

    asyncio.run(scenario())
