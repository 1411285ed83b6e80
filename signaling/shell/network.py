"""The SIP side of the shell: datagrams and connections in, ``Send`` effects out."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from bus.settings import SipSettings
from signaling.effects import Input, Malformed, Received, Send, TransportFailed
from signaling.sip.errors import FramingError
from signaling.sip.flow import Flow
from signaling.sip.stream import KeepAlive, StreamFramer
from signaling.state import Listener

Feed = Callable[[Input], None]

BATCH: Final = 64
"""Datagrams taken from one socket before others get their turn."""
LARGEST_DATAGRAM: Final = 65536
PONG: Final = b"\r\n"


class Network:
    """All sockets that face the world, and what is open on them."""

    def __init__(self, feed: Feed, settings: SipSettings) -> None:
        self.feed = feed
        self.max_connections = settings.max_connections
        self.longest = settings.max_message_bytes
        self.datagram: dict[str, socket.socket] = {}
        self.servers: list[asyncio.Server] = []
        self.connections: dict[str, Connection] = {}
        self.opening: dict[tuple[str, str, int], list[bytes]] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.made = 0

    async def add(self, listener: Listener, opened: socket.socket) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        if listener.transport == "udp":
            self.datagram[listener.name] = opened
            loop.add_reader(opened, self._readable, listener.name, opened)
            return
        opened.listen(128)
        server = await loop.create_server(lambda: Connection(self, listener.name), sock=opened)
        self.servers.append(server)

    def send(self, effect: Send) -> None:
        """Put a message on the wire; a failure comes back as an input, later."""
        flow = effect.flow
        if flow.transport == "udp":
            self._send_datagram(flow, effect.datagram)
            return
        connection = self._connection(flow)
        if connection is not None:
            connection.write(effect.datagram)
        else:
            self._open(flow, effect.datagram)

    def close(self) -> None:
        """Close everything; what was written is still sent."""
        loop = asyncio.get_running_loop()
        for opened in self.datagram.values():
            loop.remove_reader(opened)
            opened.close()
        for server in self.servers:
            server.close()
        for connection in list(self.connections.values()):
            connection.close()

    # ------------------------------------------------------------------------------ datagrams

    def _readable(self, name: str, opened: socket.socket) -> None:
        for _ in range(BATCH):
            try:
                datagram, address = opened.recvfrom(LARGEST_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error of an earlier datagram
            flow = Flow(name, address[0], address[1])
            if len(datagram) > self.longest:
                self.feed(Malformed(flow, datagram, "Message Too Large", 513))
            elif datagram.strip(b"\r\n\0 "):  # else a keep-alive (RFC 5626 3.5.1)
                self.feed(Received(flow, datagram))

    def _send_datagram(self, flow: Flow, datagram: bytes) -> None:
        try:
            self.datagram[flow.listener].sendto(datagram, (flow.host, flow.port))
        except BlockingIOError:
            pass  # the socket's buffer is full: lost, and sent again by its transaction
        except (OSError, OverflowError) as error:
            self._fail(flow, str(error))

    def _fail(self, flow: Flow, reason: str) -> None:
        failed = TransportFailed(flow, reason)
        asyncio.get_running_loop().call_soon(self.feed, failed)

    # ---------------------------------------------------------------------------- connections

    def _connection(self, flow: Flow) -> "Connection | None":
        if flow.connection in self.connections:
            return self.connections[flow.connection]
        for connection in self.connections.values():
            if connection.peer == (flow.host, flow.port):
                return connection
        return None

    def _open(self, flow: Flow, message: bytes) -> None:
        key = (flow.listener, flow.host, flow.port)
        if key in self.opening:
            self.opening[key].append(message)
            return
        self.opening[key] = [message]
        task = asyncio.get_running_loop().create_task(self._connect(flow, key))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _connect(self, flow: Flow, key: tuple[str, str, int]) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await asyncio.wait_for(
                loop.create_connection(lambda: Connection(self, flow.listener), *key[1:]), 10.0
            )
        except (OSError, TimeoutError) as error:
            del self.opening[key]
            self.feed(TransportFailed(flow, str(error) or "no connection within 10 s"))
            return
        for message in self.opening.pop(key):
            connection.write(message)


class Connection(asyncio.Protocol):
    """One TCP connection, accepted or opened."""

    def __init__(self, network: Network, listener: str) -> None:
        self.network = network
        self.listener = listener
        self.framer = StreamFramer(network.longest)
        self.transport: asyncio.Transport | None = None
        self.peer = ("", 0)
        self.name = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take it in, unless there are too many."""
        if not isinstance(transport, asyncio.Transport):
            return
        network = self.network
        address = transport.get_extra_info("peername")  # None: reset at once
        if address is None or len(network.connections) >= network.max_connections:
            transport.abort()
            return
        network.made += 1
        self.transport, self.name = transport, str(network.made)
        self.peer = (str(address[0]), int(address[1]))
        network.connections[self.name] = self

    def data_received(self, data: bytes) -> None:
        """Frame what came; answer pings; give up on what cannot be framed."""
        flow = Flow(self.listener, *self.peer, self.name)
        pieces: list[bytes | KeepAlive] = []
        with suppress(FramingError):  # it is in ``framer.error``, behind what was whole
            pieces = self.framer.feed(data)
        for piece in pieces:
            if isinstance(piece, KeepAlive):
                if piece is KeepAlive.PING:
                    self.write(PONG)
            else:
                self.network.feed(Received(flow, piece))
        if (error := self.framer.error) is not None:
            self.network.feed(Malformed(flow, error.head, error.reason, error.status))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it; a dialog goes on over the next one."""
        self.network.connections.pop(self.name, None)

    def write(self, message: bytes) -> None:
        """Send, without waiting."""
        if self.transport is not None:
            self.transport.write(message)

    def close(self) -> None:
        """Close when all is written."""
        if self.transport is not None:
            self.transport.close()
