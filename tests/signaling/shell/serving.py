"""A plain server for one test, which sees to it that its connections are closed, too."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from ssl import SSLContext

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
