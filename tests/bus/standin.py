"""Signaling's side of the control bus, played by hand: a ROUTER that does what a test says.

Only for what a real engine cannot be brought to do on purpose: holes, restarts, silence, odd order.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import zmq
import zmq.asyncio

from bus.calls import CallInfo, Hello, Ok, Ping, Status, Welcome
from bus.codec import decode_body, decode_frame, encode, raw
from bus.envelope import Done, Event, Refused, Request
from bus.protocol import Command

_commands = msgspec.msgpack.Decoder(Command)


class Asked(msgspec.Struct):
    """A request that came, with the socket identity to answer to."""

    identity: bytes
    request: Request
    body: Command


class StandIn:
    """Answers hello and pings by itself (unless ``mute``); the rest waits in ``asked``."""

    def __init__(self, folder: Path) -> None:
        self.address = f"ipc://{folder}/control.sock"
        self.feed_address = f"ipc://{folder}/events.sock"
        self.asked = asyncio.Queue[Asked]()
        self.session = "s1"
        self.sequence = 0
        self.calls: tuple[CallInfo, ...] = ()
        self.hellos: list[Hello] = []
        self.pings = 0
        self.mute = False
        self.refuse_hello = ""
        self.identity = b""
        self._router: zmq.asyncio.Socket | None = None
        self._serving: asyncio.Task[None] | None = None
        self._context = zmq.asyncio.Context()

    def open(self) -> None:
        """Bind."""
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.LINGER, 0)
        self._router.bind(self.address)
        self._serving = asyncio.create_task(self._serve(self._router))

    def close(self) -> None:
        """Vanish, as a killed process does."""
        if self._serving is not None:
            self._serving.cancel()
        if self._router is not None:
            self._router.close(linger=0)
        self._router = self._serving = None

    def end(self) -> None:
        """Close for good."""
        self.close()
        self._context.term()

    def restart(self, session: str) -> None:
        """Come back without any memory."""
        self.close()
        self.session, self.sequence, self.calls, self.identity = session, 0, (), b""
        self.open()

    async def _serve(self, router: zmq.asyncio.Socket) -> None:
        while True:
            identity, frame = await router.recv_multipart()
            await self._take(identity, frame)

    async def _take(self, identity: bytes, frame: bytes) -> None:
        request = decode_frame(frame)
        assert isinstance(request, Request)
        body = decode_body(_commands, request.body)
        asked = Asked(identity, request, body)
        if self.mute:
            return
        match body:
            case Hello() if self.refuse_hello:
                await self.refuse(asked, self.refuse_hello)
            case Hello():
                self.hellos.append(body)
                self.identity = identity
                welcome = Welcome(
                    session=self.session,
                    sequence=self.sequence,
                    events=self.feed_address,
                    calls=self.calls,
                )
                await self.reply(asked, welcome)
            case _ if request.session != self.session:
                await self.refuse(asked, "stale_session")
            case Ping():
                self.pings += 1
                await self.reply(asked, Ok())
            case _:
                await self.asked.put(asked)

    async def reply(self, asked: Asked, body: msgspec.Struct) -> None:
        """Say it was done."""
        await self._send(asked.identity, Done(id=asked.request.id, body=raw(body)))

    async def refuse(self, asked: Asked, code: str) -> None:
        """Say it was not."""
        await self._send(asked.identity, Refused(id=asked.request.id, code=code, reason="as asked"))

    async def tell(self, body: msgspec.Struct, *, skip: int = 0) -> None:
        """Send an event; ``skip``: as if so many before it were lost."""
        self.sequence += 1 + skip
        await self._send(self.identity, Event(sequence=self.sequence, body=raw(body), at=1.0))

    async def raw(self, frame: bytes) -> None:
        """Send bytes."""
        await self._put(self.identity, frame)

    async def expect(self, kind: type[msgspec.Struct]) -> Asked:
        """Return the next request, which must be of this kind."""
        async with asyncio.timeout(5):
            asked = await self.asked.get()
        assert isinstance(asked.body, kind), asked.body
        return asked

    async def grant(self, kind: type[msgspec.Struct], body: msgspec.Struct | None = None) -> Asked:
        """Await a request of this kind and answer it (with Ok if not told otherwise)."""
        asked = await self.expect(kind)
        await self.reply(asked, Ok() if body is None else body)
        return asked

    async def _send(self, identity: bytes, message: msgspec.Struct) -> None:
        await self._put(identity, encode(message))

    async def _put(self, identity: bytes, frame: bytes) -> None:
        assert self._router is not None
        await self._router.send(identity, zmq.SNDMORE)
        await self._router.send(frame)


@asynccontextmanager
async def standing_in(folder: Path) -> AsyncGenerator[StandIn, None]:
    """Serve in a folder for the block."""
    server = StandIn(folder)
    server.open()
    try:
        yield server
    finally:
        server.end()


STATUS = Status(
    version="0",
    pid=1,
    started_at=0.0,
    listeners=("udp:127.0.0.1:5060",),
    calls=0,
    calls_total=0,
    workers=(),
)
