"""What one stream connection may do: how long it may take, and whether anybody is there."""

import asyncio
from contextlib import suppress

import pytest

from signaling.effects import Input, Send, TransportFailed
from signaling.shell.connection import STALLED
from signaling.sip.flow import Flow
from tests.bus.waiting import until
from tests.signaling.shell.serving import MESSAGE, end_of, listening, serving


def test_half_a_message_is_not_waited_for_without_end() -> None:
    """The clock runs from the first byte; further ones do not stop it."""

    async def scenario() -> None:
        fed = list[Input]()
        async with listening("tcp:127.0.0.1:0", fed, stall_timeout=0.3) as (_, listener):
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(MESSAGE + MESSAGE[:5])
            trickle = asyncio.create_task(_trickle(writer))
            assert await end_of(reader)
            assert not trickle.done()
            trickle.cancel()
            await until(lambda: len(fed) == 2)
            assert isinstance(fed[1], TransportFailed)
            assert STALLED in fed[1].reason
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    asyncio.run(scenario())


def test_who_connects_is_to_say_something() -> None:
    async def scenario() -> None:
        fed = list[Input]()
        async with listening("tcp:127.0.0.1:0", fed, stall_timeout=0.2) as (network, listener):
            silent, one = await asyncio.open_connection("127.0.0.1", listener.port)
            _, other = await asyncio.open_connection("127.0.0.1", listener.port)
            other.write(MESSAGE)
            assert await end_of(silent)
            assert len(network.connections) == 1, "who has said something may stay"
            for writer in (one, other):
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()

    asyncio.run(scenario())


async def _trickle(writer: asyncio.StreamWriter) -> None:
    for byte in MESSAGE[5:-1]:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("answers", [True, False])
def test_a_connection_we_opened_is_kept_alive(
    answers: bool,
) -> None:
    pings = list[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(5) == b"hello"
        while True:
            pings.append(await reader.readexactly(4))
            if answers:
                writer.write(b"\r\n")

    async def scenario() -> None:
        fed = list[Input]()
        async with (
            serving(serve) as place,
            listening("tcp:127.0.0.1:0", fed, keepalive=0.05) as (network, listener),
        ):
            network.pong_timeout = 0.2
            network.send(Send(Flow(listener.name, *place), b"hello"))
            if answers:
                await until(lambda: len(pings) >= 8)
                assert not fed
            else:
                await until(lambda: fed)
                assert isinstance(fed[0], TransportFailed)
                assert "ping" in fed[0].reason
        assert set(pings) == {b"\r\n\r\n"}

    asyncio.run(scenario())
