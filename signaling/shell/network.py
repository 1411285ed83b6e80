"""The SIP side of the shell: datagrams and connections in, ``Send`` effects out.

A connection is found by its name, else by where its peer is (transport, host, port): where it came
from, where we opened it to, or where the peer says that it listens (RFC 5923, but only at the
address it came from).
"""

import asyncio
import socket
import ssl
from typing import Final

import msgspec

from bus.settings import Settings
from signaling.effects import Input, Malformed, Received, Send, TransportFailed
from signaling.shell.connection import PING, PONG_TIMEOUT, Connection, Feed, Place
from signaling.shell.listeners import ANYWHERE
from signaling.shell.tls import client_context, identities, proves, server_context, why
from signaling.shell.websocket import WebSocket
from signaling.sip.flow import PORTS, SECURE, Flow
from signaling.sip.stun import binding_response, is_stun
from signaling.state import Listener

BATCH: Final = 64
"""Datagrams taken from one socket before others get their turn."""
LARGEST_DATAGRAM: Final = 65536
CONNECT_TIMEOUT: Final = 5.0
"""Seconds for a connection, and for its TLS handshake."""


class Network:
    """All sockets that face the world, and what is open on them."""

    def __init__(self, feed: Feed, settings: Settings) -> None:
        self.feed = feed
        self.settings = settings.sip
        self.tls = settings.tls
        self.listeners: dict[str, Listener] = {}
        self.datagram: dict[str, socket.socket] = {}
        self.servers: list[asyncio.Server] = []
        self.connections: dict[str, Connection] = {}
        self.places: dict[Place, Connection] = {}
        self.opening: dict[Flow, list[bytes]] = {}
        self.kept: dict[Flow, asyncio.TimerHandle] = {}
        """UDP flows that are kept open."""
        self.tasks: set[asyncio.Task[None]] = set()
        self.client_context: ssl.SSLContext | None = None
        self.made = 0
        self.pong_timeout = PONG_TIMEOUT

    async def add(self, listener: Listener, opened: socket.socket) -> None:
        """Begin to listen.  Raises SettingsError if the certificate cannot be used."""
        loop = asyncio.get_running_loop()
        self.listeners[listener.name] = listener
        if listener.transport == "udp":
            self.datagram[listener.name] = opened
            loop.add_reader(opened, self._readable, listener.name, opened)
            return
        context = server_context(self.tls) if listener.secure else None
        if context is not None and self.client_context is None:
            self.client_context = client_context(self.tls)
        opened.listen(128)
        server = await loop.create_server(
            lambda: self._accepted(listener),
            sock=opened,
            ssl=context,
            ssl_handshake_timeout=(self.settings.stall_timeout or None) if context else None,
        )
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

    def keep_open(self, flow: Flow, seconds: float) -> None:
        """Send a keep-alive over a UDP flow every ``sip.keepalive`` for so long from now.

        Connections that we opened do that by themselves.
        """
        if (running := self.kept.pop(flow, None)) is not None:
            running.cancel()
        period = self.settings.keepalive
        if flow.transport != "udp" or not period or seconds < period:
            return
        loop = asyncio.get_running_loop()
        self.kept[flow] = loop.call_later(period, self._keep_open, flow, seconds - period)

    def _keep_open(self, flow: Flow, seconds: float) -> None:
        self._send_datagram(flow, PING)
        self.keep_open(flow, seconds)

    def close(self) -> None:
        """Close everything; what was written is still sent."""
        loop = asyncio.get_running_loop()
        for opened in self.datagram.values():
            loop.remove_reader(opened)
            opened.close()
        for timer in self.kept.values():
            timer.cancel()
        for server in self.servers:
            server.close()
        for connection in list(self.connections.values()):
            connection.close()

    # ------------------------------------------------------------------------------ datagrams

    def _readable(self, name: str, opened: socket.socket) -> None:
        given: list[Input] = []
        for _ in range(BATCH):
            try:
                datagram, address = opened.recvfrom(LARGEST_DATAGRAM)
            except BlockingIOError:
                break
            except OSError:
                continue  # an ICMP error of an earlier datagram
            flow = Flow(name, address[0], address[1])
            if len(datagram) > self.settings.max_message_bytes:
                given.append(Malformed(flow, datagram, "Message Too Large", 513))
            elif is_stun(datagram):
                self._send_datagram(flow, binding_response(datagram, flow.host, flow.port))
            elif datagram.strip(b"\r\n\0 "):  # else a keep-alive (RFC 5626 3.5.1)
                given.append(Received(flow, datagram))
        if given:
            self.feed(*given)

    def _send_datagram(self, flow: Flow, datagram: bytes) -> None:
        if not datagram:
            return
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

    def opened(self, connection: Connection) -> str:
        """Take a connection in; return its name, empty if it is not wanted (``ended`` has why)."""
        flow = connection.flow
        if len(self.connections) >= self.settings.max_connections:
            connection.ended = "too many connections"
            return ""
        if connection.domain and not self._is_proven(connection, connection.domain):
            named = ", ".join(identities(connection.certificate)) or "nobody"
            connection.ended = f"bad certificate of {connection.domain}: it names {named}"
            return ""
        self.made += 1
        name = str(self.made)
        self.connections[name] = connection
        self._put(connection, (flow.transport, flow.host, flow.port))
        return name

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self.connections.pop(connection.flow.connection, None)
        for place in connection.places:
            if self.places.get(place) is connection:
                del self.places[place]

    def also_at(self, connection: Connection, host: str, port: int | None) -> None:
        """The peer says that it listens there."""
        transport = connection.flow.transport
        place = (transport, host, port or PORTS[transport])
        if place not in self.places:
            self._put(connection, place)

    def _put(self, connection: Connection, place: Place) -> None:
        self.places[place] = connection
        connection.places.append(place)

    def _connection(self, flow: Flow) -> Connection | None:
        named = self.connections.get(flow.connection)
        if named is not None:
            return named
        there = self.places.get((flow.transport, flow.host, flow.port))
        if there is None or not self._is_proven(there, flow.domain or flow.host):
            return None
        return there

    def _is_proven(self, connection: Connection, domain: str) -> bool:
        """Whether the peer of a connection is who it should be, as far as that is asked for."""
        if connection.flow.transport not in SECURE or not self.tls.verify_server:
            return True
        return proves(connection.certificate, domain)

    def _accepted(self, listener: Listener) -> Connection:
        web = listener.transport in ("ws", "wss")
        return WebSocket(self, listener.name) if web else Connection(self, listener.name)

    def _open(self, flow: Flow, message: bytes) -> None:
        domain = flow.domain if flow.transport in SECURE else ""
        key = msgspec.structs.replace(flow, connection="", domain=domain)
        if key in self.opening:
            self.opening[key].append(message)
            return
        self.opening[key] = [message]
        task = asyncio.get_running_loop().create_task(self._connect(key))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _connect(self, flow: Flow) -> None:
        listener = self.listeners[flow.listener]
        domain = flow.domain or flow.host
        made = (
            WebSocket(self, flow.listener, domain=domain, port=flow.port)
            if listener.transport in ("ws", "wss")
            else Connection(self, flow.listener, domain=domain)
        )
        connecting = asyncio.get_running_loop().create_connection(
            lambda: made,
            flow.host,
            flow.port,
            ssl=self.client_context if listener.secure else None,
            server_hostname=domain if listener.secure else None,
            local_addr=None if listener.bind in ANYWHERE else (listener.bind, 0),
        )
        try:
            await asyncio.wait_for(connecting, CONNECT_TIMEOUT)
        except (OSError, TimeoutError) as error:
            made.ended = why(error, domain)
        messages = self.opening.pop(flow)
        if made.ended:
            self.feed(TransportFailed(flow, made.ended))
            return
        for message in messages:
            made.write(message)
