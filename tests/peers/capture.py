"""What is on the wire: every packet on the loopback interface, with the kernel's time stamp.

An AF_PACKET socket of our own (this needs CAP_NET_RAW), read by a thread which only stores; the
packets are looked at when the test asks.  ``sip()`` gives messages, ``rtp()`` gives packets.
"""

import ctypes
import os
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from tests.peers.processes import eventually

ETH_P_ALL: Final = 3
SO_TIMESTAMPNS: Final = 35
SO_RCVBUFFORCE: Final = 33
SO_ATTACH_FILTER: Final = 26
SOL_PACKET: Final = 263
PACKET_STATISTICS: Final = 6
ARRIVING: Final = (
    (0x30, 0, 0, 0xFFFFF004),  # A = kind of the packet (SKF_AD_PKTTYPE)
    (0x15, 0, 1, 4),  # PACKET_OUTGOING?
    (0x06, 0, 0, 0),  # then not: on loopback each packet passes twice
    (0x06, 0, 0, 0xFFFFFFFF),
)
"""A filter for the kernel (struct sock_filter): code, jump if true, jump if false, operand."""
UDP: Final = 17
TCP: Final = 6


@dataclass(frozen=True)
class Packet:
    """One UDP datagram or TCP segment; ports in host order, time in Unix seconds."""

    at: float
    protocol: int
    source: int
    destination: int
    payload: bytes
    sequence: int = 0
    """Of TCP."""


@dataclass(frozen=True)
class SipSeen:
    """One SIP message as it passed."""

    at: float
    source: int
    destination: int
    text: str

    @property
    def start_line(self) -> str:
        """The first line."""
        return self.text.partition("\r\n")[0]

    @property
    def method(self) -> str:
        """Of a request; empty for a response."""
        return "" if self.status else self.start_line.partition(" ")[0]

    @property
    def status(self) -> int:
        """Of a response; 0 for a request."""
        return int(self.text[8:11]) if self.text.startswith("SIP/2.0 ") else 0

    @property
    def body(self) -> str:
        """What follows the headers."""
        return self.text.partition("\r\n\r\n")[2]

    def header(self, name: str) -> str:
        """The first header of a name (long form), or an empty text."""
        return next(iter(self.headers(name)), "")

    def headers(self, name: str) -> list[str]:
        """All headers of a name (long form), in their order."""
        lines = self.text.partition("\r\n\r\n")[0].split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines)
        return [value.strip() for key, _, value in pairs if key.strip().lower() == name.lower()]


@dataclass(frozen=True)
class RtpSeen:
    """One RTP packet as it passed."""

    at: float
    source: int
    destination: int
    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


class Capture:
    """A running capture; a context manager."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        _attach_filter(self._socket)
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.1)
        self._lost = 0
        self._frames: list[tuple[float, bytes]] = []
        self._stopping = threading.Event()
        self._reader = threading.Thread(target=self._read, name="capture")

    def _read(self) -> None:
        while not self._stopping.is_set():
            try:
                frame, ancillary, _, _ = self._socket.recvmsg(65600, 64)
            except TimeoutError:
                continue
            if ancillary:
                seconds, nanoseconds = struct.unpack("@qq", ancillary[0][2][:16])
                self._frames.append((seconds + nanoseconds / 1e9, frame[14:]))

    def __enter__(self) -> Self:
        """Start to capture."""
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self._count_lost()
        self._stopping.set()
        self._reader.join()
        self._socket.close()

    def _count_lost(self) -> None:
        """Ask the kernel what it could not store since it was asked last."""
        if self._reader.is_alive():
            statistics = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
            self._lost += struct.unpack("@II", statistics)[1]

    def packets(self) -> Iterator[Packet]:
        """Give all UDP and TCP packets so far, in their order.

        Raises AssertionError if some are missing because there was too much on the interface.
        """
        self._count_lost()
        assert not self._lost, f"the capture lost {self._lost} packets: too much on loopback"
        if self._reader.is_alive():
            self._catch_up()
        for at, frame in list(self._frames):
            packet = _packet(at, frame)
            if packet is not None:
                yield packet

    def _catch_up(self) -> None:
        """Wait until the reader has seen a packet of our own that leaves now."""
        marker = os.urandom(16)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            probe.sendto(marker, probe.getsockname())
        eventually(
            "the capture has caught up",
            lambda: any(frame.endswith(marker) for _, frame in reversed(list(self._frames))),
            every=0.005,
        )

    def sip(self, port: int) -> list[SipSeen]:
        """Return all SIP messages from and to a port so far."""
        return [
            *_sip_over_udp(self.packets(), port),
            *_sip_over_tcp(self.packets(), port),
        ]

    def rtp(self, *, source: int = 0, destination: int = 0) -> list[RtpSeen]:
        """Return the RTP packets from and to these ports so far (0 is any)."""
        return [
            seen
            for packet in self.packets()
            if packet.protocol == UDP
            and source in (0, packet.source)
            and destination in (0, packet.destination)
            and (seen := _rtp(packet)) is not None
        ]


def _attach_filter(packets: socket.socket) -> None:
    program = ctypes.create_string_buffer(
        b"".join(struct.pack("@HBBI", *instruction) for instruction in ARRIVING)
    )
    given = struct.pack("@HP", len(ARRIVING), ctypes.addressof(program))
    packets.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, given)


def _packet(at: float, frame: bytes) -> Packet | None:
    """Take an IPv4 or IPv6 packet apart."""
    match frame[:1] and frame[0] >> 4:
        case 4:
            protocol, rest = frame[9], frame[(frame[0] & 15) * 4 : int.from_bytes(frame[2:4])]
        case 6:
            protocol, rest = frame[6], frame[40 : 40 + int.from_bytes(frame[4:6])]
        case _:
            return None
    if protocol not in (UDP, TCP) or len(rest) < 8:
        return None
    source, destination, sequence = struct.unpack("!HHI", rest[:8])
    if protocol == UDP:
        return Packet(at, protocol, source, destination, rest[8:])
    return Packet(at, protocol, source, destination, rest[(rest[12] >> 4) * 4 :], sequence)


def _sip_over_udp(packets: Iterator[Packet], port: int) -> Iterator[SipSeen]:
    for packet in packets:
        if packet.protocol == UDP and port in (packet.source, packet.destination):
            text = packet.payload.decode(errors="replace")
            if "SIP/2.0" in text.partition("\r\n")[0]:
                yield SipSeen(packet.at, packet.source, packet.destination, text)


def _sip_over_tcp(packets: Iterator[Packet], port: int) -> Iterator[SipSeen]:
    """Give the messages of each direction of each connection, framed by Content-Length."""
    streams: dict[tuple[int, int], bytes] = {}
    for packet in packets:
        if packet.protocol == TCP and port in (packet.source, packet.destination):
            key = (packet.source, packet.destination)
            stream = streams.get(key, b"") + packet.payload
            while (size := _message_size(stream)) and len(stream) >= size:
                text = stream[:size].decode(errors="replace")
                yield SipSeen(packet.at, packet.source, packet.destination, text)
                stream = stream[size:]
            streams[key] = stream.lstrip(b"\r\n")


def _message_size(stream: bytes) -> int:
    """Return the length of the first message of a stream, 0 if its head is not complete."""
    head, end, _ = stream.partition(b"\r\n\r\n")
    if not end:
        return 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() in (b"content-length", b"l"):
            return len(head) + 4 + int(value)
    return len(head) + 4


def _rtp(packet: Packet) -> RtpSeen | None:
    """Read an RTP header (RFC 3550, 5.1); None for RTCP and anything else."""
    if len(packet.payload) < 12 or packet.payload[0] >> 6 != 2:
        return None
    first, second, sequence, timestamp, ssrc = struct.unpack("!BBHII", packet.payload[:12])
    if 192 <= second <= 223:
        return None
    return RtpSeen(
        at=packet.at,
        source=packet.source,
        destination=packet.destination,
        marker=bool(second >> 7),
        payload_type=second & 127,
        sequence=sequence,
        timestamp=timestamp,
        ssrc=ssrc,
        payload=packet.payload[12 + 4 * (first & 15) :],
    )


def steps(values: list[int], bits: int) -> NDArray[np.int64]:
    """Return the differences of counters that wrap at so many bits, as signed numbers."""
    differences = np.diff(np.array(values, np.int64))
    half = 1 << (bits - 1)
    wrapped: NDArray[np.int64] = np.bitwise_and(differences + half, (1 << bits) - 1) - half
    return wrapped


def check_continuous(packets: list[RtpSeen], *, step: int = 160) -> None:
    """Assert one source: SSRC constant, sequence +1, time stamp +``step`` a packet."""
    assert len({packet.ssrc for packet in packets}) == 1, "the SSRC changed"
    sequences = steps([packet.sequence for packet in packets], 16)
    assert (sequences == 1).all(), f"sequence steps {sorted(set(sequences.tolist()))}"
    timestamps = steps([packet.timestamp for packet in packets], 32)
    assert (timestamps == step).all(), f"time stamp steps {sorted(set(timestamps.tolist()))}"


def longest_gap(packets: list[RtpSeen]) -> float:
    """Return the longest time between two neighbours, seconds."""
    return float(np.diff(np.array([packet.at for packet in packets])).max())
