"""SIP over WebSocket (RFC 7118): one message a frame, on top of a handshake over TCP or TLS.

The protocol itself is the ``websockets`` package's, used without its I/O.
"""

from typing import Final, assert_never

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from signaling.shell.connection import PING, PONG, Connection, Keeper
from signaling.sip.uri import bracketed

SIP: Final = Subprotocol("sip")


class WebSocket(Connection):
    """A WebSocket, accepted (without ``domain``) or opened to ``ws(s)://domain:port/``."""

    def __init__(self, keeper: Keeper, listener: str, *, domain: str = "", port: int = 0) -> None:
        super().__init__(keeper, listener, domain=domain)
        longest = self.settings.max_message_bytes
        self.protocol: ServerProtocol | ClientProtocol
        if self.accepted:
            self.protocol = ServerProtocol(subprotocols=[SIP], max_size=longest)
        else:
            uri = parse_uri(f"{self.flow.transport}://{bracketed(domain)}:{port}/")
            self.protocol = ClientProtocol(uri, subprotocols=[SIP], max_size=longest)
        self.unsent: list[bytes] = []
        """Messages that wait for the handshake."""
        self.parts = bytearray()

    def begin(self) -> None:
        """Start with the handshake, which must not take for ever."""
        if isinstance(self.protocol, ClientProtocol):
            self.watch(progress=False, waiting=True)
            self.protocol.send_request(self.protocol.connect())
            self._flush()
        super().begin()

    def data_received(self, data: bytes) -> None:
        """Let the protocol read; hand on what is whole."""
        self.protocol.receive_data(data)
        heard = 0
        for event in self.protocol.events_received():
            match event:
                case Request():
                    self._answer(event)
                case Response():
                    self._answered(event)
                case Frame():
                    heard += self._frame(event)
                case _:
                    assert_never(event)
        self._flush()
        self.watch(heard > 0, bool(self.parts) or self.protocol.state is not OPEN)

    def eof_received(self) -> None:
        """Let the protocol see the end."""
        self.protocol.receive_eof()
        self._flush()

    def write(self, message: bytes) -> None:
        """Send a message as one frame: text, or binary if it is not UTF-8 (RFC 7118 4.2)."""
        if self.protocol.state is not OPEN:
            self.unsent.append(message)
            return
        try:
            message.decode()
        except UnicodeDecodeError:
            self.protocol.send_binary(message)
        else:
            self.protocol.send_text(message)
        self._flush()

    def ping(self) -> None:
        """Ask with a Ping frame (RFC 7118 6)."""
        if self.protocol.state is OPEN:
            self.protocol.send_ping(b"")
            self._flush()

    def close(self) -> None:
        """Say Close, then close."""
        if self.protocol.state is OPEN:
            self.protocol.send_close(1001)
            self._flush()
        super().close()

    def _answer(self, request: Request) -> None:
        if isinstance(self.protocol, ServerProtocol):
            self.protocol.send_response(self.protocol.accept(request))

    def _answered(self, response: Response) -> None:
        error = self.protocol.handshake_exc
        if error is not None or self.protocol.state is not OPEN:
            self.abort(f"no WebSocket: {error or response.status_code}")
            return
        if self.protocol.subprotocol != SIP:
            self.abort("no WebSocket: the server does not speak sip")
            return
        waiting, self.unsent = self.unsent, []
        for message in waiting:
            self.write(message)

    def _frame(self, frame: Frame) -> bool:
        """Take a frame; return whether it completed something."""
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY | Opcode.CONT:
                self.parts += frame.data
                if not frame.fin:
                    return False
                message = bytes(self.parts)
                self.parts.clear()
                self._whole(message)
            case Opcode.PONG:
                self.alive()
            case Opcode.PING | Opcode.CLOSE:
                pass  # the protocol has answered it
            case _:
                assert_never(frame.opcode)
        return True

    def _whole(self, message: bytes) -> None:
        if message == PING:
            self.write(PONG)
        elif message.strip(b"\r\n"):
            self.hear(message)

    def _flush(self) -> None:
        for piece in self.protocol.data_to_send():
            if piece:
                self.send(piece)
        if self.protocol.close_expected() and self.transport is not None:
            self.transport.close()
