"""One stream connection, accepted or opened: framing, keep-alive, limits.

    accepted or opened ─► Connection ─► Received, Malformed, at its end TransportFailed
                              ▲ write(message)

A peer may send half a message and then nothing: after ``sip.stall_timeout`` the connection is cut.
On connections that we opened a ping goes out every ``sip.keepalive`` seconds, and no pong in time
means that nobody is there any more (RFC 5626 4.4.1).
"""

import asyncio
import ssl
from contextlib import suppress
from typing import Final, Protocol

import msgspec

from bus.settings import SipSettings
from signaling.effects import Input, Malformed, Received, TransportFailed
from signaling.shell.tls import Certificate
from signaling.sip.errors import FramingError
from signaling.sip.flow import Flow
from signaling.sip.stream import KeepAlive, StreamFramer, sent_by

PING: Final = b"\r\n\r\n"
PONG: Final = b"\r\n"
PONG_TIMEOUT: Final = 10.0
"""Seconds (RFC 5626 4.4.1)."""
STALLED: Final = "it took too long for a message"
MOST_UNSENT: Final = 1 << 20
"""Bytes that a peer may leave unread before it is given up."""

Place = tuple[str, str, int]
"""Transport, host and port of a peer."""


class Feed(Protocol):
    """Takes what came in one pass of the loop, in order."""

    def __call__(self, *given: Input) -> None:
        """Work it."""


class Keeper(Protocol):
    """Who keeps the connections."""

    feed: Feed
    settings: SipSettings
    pong_timeout: float

    def opened(self, connection: "Connection") -> str:
        """Take a connection in; return its name, empty: there are too many."""
        ...

    def closed(self, connection: "Connection") -> None:
        """Forget a connection."""
        ...

    def also_at(self, connection: "Connection", host: str, port: int | None) -> None:
        """The peer says that it listens there."""
        ...


class Connection(asyncio.Protocol):
    """SIP over TCP or TLS; ``domain`` is what we opened it for, empty for one that was accepted."""

    def __init__(self, keeper: Keeper, listener: str, *, domain: str = "") -> None:
        self.keeper = keeper
        self.settings = keeper.settings
        self.flow = Flow(listener, "", 0)
        self.domain = domain
        self.accepted = not domain
        self.framer = StreamFramer(self.settings.max_message_bytes)
        self.transport: asyncio.Transport | None = None
        self.certificate: Certificate = {}
        """The peer's, verified; empty where there is none."""
        self.stalled: asyncio.TimerHandle | None = None
        self.pinging: asyncio.TimerHandle | None = None
        self.missing: asyncio.TimerHandle | None = None
        self.places: list[Place] = []
        """Where it is found besides by its name."""
        self.heard = False
        """A whole message has come."""
        self.ended = ""
        """Why we ended it."""

    # ------------------------------------------------------------------------------ asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take it in, unless there are too many."""
        if not isinstance(transport, asyncio.Transport):
            return
        address = transport.get_extra_info("peername")  # None: reset at once
        if address is None:
            transport.abort()
            return
        self.transport = transport
        self.flow = Flow(self.flow.listener, str(address[0]), int(address[1]))
        secure = transport.get_extra_info("ssl_object")
        if isinstance(secure, ssl.SSLObject):
            self.certificate = secure.getpeercert() or {}
        name = self.keeper.opened(self)
        if not name:
            self.transport = None
            transport.abort()
            return
        self.flow = msgspec.structs.replace(self.flow, connection=name)
        self.begin()

    def data_received(self, data: bytes) -> None:
        """Frame what came; answer pings; give up on what cannot be framed."""
        pieces: list[bytes | KeepAlive] = []
        with suppress(FramingError):  # it is in ``framer.error``, behind what was whole
            pieces = self.framer.feed(data)
        for piece in pieces:
            if piece is KeepAlive.PING:
                self.send(PONG)
            elif isinstance(piece, bytes):
                self.hear(piece)
            else:
                self.alive()
        if (error := self.framer.error) is not None:
            self.keeper.feed(Malformed(self.flow, error.head, error.reason, error.status))
            self.close()
        self.watch(pieces != [], self.framer.waiting)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it; a dialog goes on over the next one."""
        for timer in (self.stalled, self.pinging, self.missing):
            if timer is not None:
                timer.cancel()
        if self.flow.connection:
            self.keeper.closed(self)
            reason = self.ended or str(exc or "") or "closed by the peer"
            self.keeper.feed(TransportFailed(self.flow, f"connection: {reason}"))

    # --------------------------------------------------------------------------- what differs

    def begin(self) -> None:
        """Start what runs along; who connects is to say something soon."""
        if self.accepted:
            self.watch(progress=False, waiting=True)
        elif self.settings.keepalive:
            self._ping_later()

    def write(self, message: bytes) -> None:
        """Send a message, without waiting."""
        self.send(message)

    def ping(self) -> None:
        """Ask whether anybody is there."""
        self.send(PING)

    # -------------------------------------------------------------------------------- common

    def hear(self, message: bytes) -> None:
        """Hand a message on."""
        if self.accepted and not self.heard:
            self.heard = True
            said = sent_by(message)
            if said is not None and said[0] == self.flow.host:
                self.keeper.also_at(self, *said)
        self.keeper.feed(Received(self.flow, message))

    def alive(self) -> None:
        """Note that our ping was answered."""
        if self.missing is not None:
            self.missing.cancel()
            self.missing = None

    def watch(self, progress: bool, waiting: bool) -> None:
        """Give what has begun its time, from its own beginning."""
        if self.stalled is not None and (progress or not waiting):
            self.stalled.cancel()
            self.stalled = None
        if waiting and self.stalled is None and self.settings.stall_timeout:
            loop = asyncio.get_running_loop()
            self.stalled = loop.call_later(self.settings.stall_timeout, self.abort, STALLED)

    def send(self, data: bytes) -> None:
        """Put bytes on the wire; give up on who never reads."""
        if self.transport is None or self.transport.is_closing():
            return
        self.transport.write(data)
        if self.transport.get_write_buffer_size() > MOST_UNSENT:
            self.abort("the peer does not read")

    def close(self) -> None:
        """Close when all is written."""
        self.ended = self.ended or "closed by us"
        if self.transport is not None:
            self.transport.close()

    def abort(self, reason: str) -> None:
        """Cut it."""
        self.ended = self.ended or reason
        if self.transport is not None:
            self.transport.abort()

    def _ping_later(self) -> None:
        loop = asyncio.get_running_loop()
        self.pinging = loop.call_later(self.settings.keepalive, self._ping)

    def _ping(self) -> None:
        self._ping_later()
        self.ping()
        if self.missing is None:
            loop = asyncio.get_running_loop()
            self.missing = loop.call_later(
                self.keeper.pong_timeout, self.abort, "no answer to a ping"
            )
