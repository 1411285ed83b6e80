"""A peer of a stream: a UDP socket and RTP written by hand."""

import socket
import struct
from dataclasses import dataclass

HEADER = struct.Struct("!BBHII")


@dataclass(frozen=True)
class Packet:
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


class RtpRole:
    """Sends and receives on one port of 127.0.0.1."""

    def __init__(self, ssrc: int = 0x1234) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(10)
        self.port: int = self.socket.getsockname()[1]
        self.ssrc, self.sequence, self.timestamp = ssrc, 65530, 0xFFFFFF00
        self.to = 0

    def close(self) -> None:
        self.socket.close()

    def remote(self, **changes: object) -> dict[str, object]:
        """What signaling says of us in ``open_stream`` or ``aim``."""
        remote: dict[str, object] = {
            "address": "127.0.0.1",
            "port": self.port,
            "rtcp_port": self.port + 1,
            "codec": "PCMU",
            "payload_type": 0,
            "receive_payload_type": 0,
            "events_payload_type": 101,
            "receive_events_payload_type": 101,
        }
        return {**remote, **changes}

    def send(self, payload: bytes, payload_type: int = 0, marker: bool = False) -> None:
        """Send the next packet of audio."""
        self.send_raw(payload, payload_type, marker, self.timestamp)
        self.timestamp = (self.timestamp + len(payload)) % 2**32

    def send_raw(self, payload: bytes, payload_type: int, marker: bool, timestamp: int) -> None:
        second = payload_type | (0x80 if marker else 0)
        header = HEADER.pack(0x80, second, self.sequence, timestamp, self.ssrc)
        self.sequence = (self.sequence + 1) % 65536
        self.socket.sendto(header + payload, ("127.0.0.1", self.to))

    def receive(self) -> Packet:
        datagram = self.socket.recv(2048)
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(datagram)
        assert first == 0x80
        return Packet(
            second & 0x7F, second > 127, sequence, timestamp, ssrc, datagram[HEADER.size :]
        )

    def silent(self, seconds: float) -> bool:
        """Nothing comes for so long."""
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(2048)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(10)
        return False

    def drain(self) -> None:
        """Throw away what has come."""
        self.socket.setblocking(False)
        try:
            while True:
                self.socket.recv(2048)
        except BlockingIOError:
            self.socket.settimeout(10)
