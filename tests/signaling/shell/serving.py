"""Our network for one test, and a plain server; both close what they opened."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from ssl import SSLContext

from bus.settings import Settings, SipSettings, TlsSettings
from signaling.effects import Input
from signaling.shell.listeners import open_listener
from signaling.shell.network import Network
from signaling.state import Listener
from tests.bus.waiting import until

LONGEST = 2000
NO_TLS = TlsSettings()
MESSAGE = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(
    serve: Serve, *, ssl: SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncGenerator[tuple[str, int], None]:
    """Serve on a free port; yields host and port."""
    running = 0
    idle = asyncio.Event()
    idle.set()

    async def wrapped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal running
        running += 1
        idle.clear()
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await serve(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            running -= 1
            if not running:
                idle.set()

    server = await asyncio.start_server(wrapped, host, 0, ssl=ssl)
    async with server:
        address = server.sockets[0].getsockname()
        yield address[0], address[1]
    async with asyncio.timeout(5.0):
        await idle.wait()


@asynccontextmanager
async def listening(
    text: str,
    fed: list[Input],
    *,
    max_connections: int = 10,
    stall_timeout: float = 30.0,
    keepalive: float = 30.0,
    tls: TlsSettings = NO_TLS,
) -> AsyncGenerator[tuple[Network, Listener], None]:
    sip = SipSettings(
        max_connections=max_connections,
        max_message_bytes=LONGEST,
        stall_timeout=stall_timeout,
        keepalive=keepalive,
    )
    network = Network(lambda *given: fed.extend(given), Settings(sip=sip, tls=tls))
    listener, opened = open_listener(text, "")
    await network.add(listener, opened)
    try:
        yield network, listener
    finally:
        network.close()
        await until(lambda: not network.connections)


async def end_of(reader: asyncio.StreamReader) -> bool:
    """Whether a connection ends without a further byte."""
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True
