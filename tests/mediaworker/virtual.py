"""A worker's media without sockets and in virtual time: packets go in and out as values."""

import hashlib
import struct
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from bus.columns import Column
from bus.ids import StreamId
from bus.streams import Remote, StreamEvent
from mediaworker import rows
from mediaworker.codecs.g711 import ALAW, ULAW
from mediaworker.media import Media, Report, Wave
from mediaworker.net.address import words_of
from mediaworker.streams import DATAGRAM, SLOTS, TICK_NS, Rows
from mediaworker.tick import run_tick

RTP: Final = struct.Struct(">BBHII")
HOST: Final = "192.0.2.7"
PORT: Final = 4000
SSRC: Final = 0xCAFE


Arrival = tuple[int, bytes, tuple[int, int, int]]
"""Row, datagram, source."""


class Rtp(NamedTuple):
    """A packet, read or to be written."""

    sequence: int
    timestamp: int
    payload: bytes
    payload_type: int = 0
    marker: bool = False
    ssrc: int = SSRC

    def datagram(self) -> bytes:
        second = self.payload_type | self.marker << 7
        sequence, timestamp = self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF
        return RTP.pack(0x80, second, sequence, timestamp, self.ssrc) + self.payload


class Sent(NamedTuple):
    """A packet that the worker sent."""

    tick: int
    packet: Rtp


def read(datagram: bytes) -> Rtp:
    first, second, sequence, timestamp, ssrc = RTP.unpack_from(datagram)
    assert first == 0x80
    return Rtp(sequence, timestamp, datagram[12:], second & 127, second > 127, ssrc)


class Wire:
    """The network: a backend that receives what a test gives it."""

    name = "virtual"

    def __init__(self) -> None:
        self.errors = Counter[str]()
        self.arriving: list[Arrival] = []
        self.reports: list[Report] = []
        self.sent: defaultdict[int, list[Sent]] = defaultdict(list)
        self.sent_reports: list[Report] = []

    def open(self, row: int, rtp: object, rtcp: object) -> None: ...

    def close(self, row: int) -> None: ...

    def end(self) -> None: ...

    def receive(self, media: Media) -> None:
        media.waves, media.reports_heard = [], self.reports
        self.reports = []
        left, self.arriving = self.arriving, []
        for slot in range(SLOTS):
            now, later, seen = list[Arrival](), list[Arrival](), set[int]()
            for each in left:
                (later if each[0] in seen else now).append(each)
                seen.add(each[0])
            if now:
                media.waves.append(_wave(media, slot, now))
            left = later
        self.arriving = left

    def send(self, media: Media, rows: Rows) -> None:
        for row in rows.tolist():
            length, datagram = int(media.streams.sealed_length[row]), media.streams.sealed[row]
            if not length:
                length, datagram = int(media.streams.packet_length[row]), media.streams.packet[row]
            self.sent[row].append(Sent(media.tick, read(datagram[:length].tobytes())))
        media.moved.clear()

    def send_report(self, media: Media, report: Report) -> None:
        self.sent_reports.append(report)


class Worker:
    """Media, its wire and the time."""

    def __init__(self, streams: int = 8, pool: int = 1 << 16) -> None:
        self.media = Media.private(streams, pool)
        self.wire = Wire()
        self.tick = 0
        self.scheduled: defaultdict[int, list[tuple[int, bytes, str, int]]] = defaultdict(list)
        self.events: list[StreamEvent] = []
        self.next_stream = 1

    @property
    def now_ns(self) -> int:
        return 10**12 + self.tick * TICK_NS

    def open(self, remote: Remote | None = None, *, caller_is_remote: bool = False) -> int:
        """Return the row of a new stream, aimed at HOST:PORT unless told otherwise."""
        row = rows.take(self.media, StreamId(self.next_stream), self.now_ns)
        entropy = hashlib.sha256(str(self.next_stream).encode()).digest()[: rows.ENTROPY]
        rows.open_row(self.media, row, caller_is_remote=caller_is_remote, entropy=entropy)
        rows.aim(self.media, row, remote or peer())
        self.next_stream += 1
        return row

    def arrive(
        self, row: int, packet: Rtp | bytes, after: int = 1, host: str = HOST, port: int = PORT
    ) -> None:
        """Let a packet arrive ``after`` ticks from now."""
        datagram = packet.datagram() if isinstance(packet, Rtp) else packet
        self.scheduled[self.tick + after].append((row, datagram, host, port))

    def run(self, ticks: int) -> list[StreamEvent]:
        """Let time pass; return what happened."""
        events: list[StreamEvent] = []
        for _ in range(ticks):
            self.jump(1)
            events += self.events
        return events

    def jump(self, ticks: int) -> None:
        """Miss all ticks before the last of these; what arrived meanwhile waits in the socket."""
        for _ in range(ticks):
            self.tick += 1
            self.deliver()
        self.media.wall_ns = 1_700_000_000 * 10**9 + self.now_ns
        self.events = run_tick(self.media, self.tick, self.now_ns, self.wire)

    def deliver(self) -> None:
        """Let the packets of this tick arrive."""
        for row, datagram, host, port in self.scheduled.pop(self.tick, []):
            self.wire.arriving.append((row, datagram, words_of(host, port)))

    def stream(self, row: int) -> StreamId:
        return StreamId(int(self.media.public.stream[row]))

    def sent(self, row: int) -> list[Rtp]:
        return [each.packet for each in self.wire.sent[row]]

    def public(self, name: str, row: int) -> float:
        return float(getattr(self.media.public, name)[row])


def peer(**changes: object) -> Remote:
    """Return a usual peer with some things changed."""
    usual: dict[str, object] = {
        "address": HOST,
        "port": PORT,
        "rtcp_port": PORT + 1,
        "codec": "PCMU",
        "payload_type": 0,
        "receive_payload_type": 0,
        "events_payload_type": 101,
        "receive_events_payload_type": 101,
    }
    return Remote(**{**usual, **changes})  # type: ignore[arg-type]


def speech(samples: int, seed: int = 1) -> Column[np.uint8]:
    """Return so many u-law codes that never repeat: each sample tells where it is from."""
    noise = np.random.default_rng(seed).integers(-8000, 8000, samples)
    codes = ULAW.encode(noise.astype(np.int16))
    codes[codes == 0x7F] = 0xFF  # minus zero, which would come back as zero
    return codes


def packets(
    codes: Column[np.uint8], size: int = 160, sequence: int = 65500, timestamp: int = 0xFFFF_F000
) -> list[Rtp]:
    """Cut codes into packets; numbers and timestamps wrap soon."""
    return [
        Rtp(sequence + index, timestamp + begin, codes[begin : begin + size].tobytes())
        for index, begin in enumerate(range(0, len(codes), size))
    ]


def expanded(codes: bytes, law: int = 0) -> Column[np.int16]:
    """Return the samples of codes."""
    return (ULAW, ALAW)[law].samples[np.frombuffer(codes, np.uint8)]


def said(sent: Iterable[Rtp]) -> bytes:
    """Return the audio of packets sent."""
    return b"".join(packet.payload for packet in sent if packet.payload_type < 96)


def _wave(media: Media, slot: int, arrived: list[Arrival]) -> Wave:
    """Make a wave; each row has its datagram in another slot."""
    rows = np.array([row for row, _, _ in arrived])
    slots = (slot + rows) % SLOTS
    for place, (row, datagram, _) in zip(slots, arrived, strict=True):
        content = datagram[:DATAGRAM]
        media.streams.datagrams[row, place, : len(content)] = np.frombuffer(content, np.uint8)
    return Wave(
        rows,
        slots,
        np.array([min(DATAGRAM, len(datagram)) for _, datagram, _ in arrived]),
        np.array([source for _, _, source in arrived], np.uint64),
    )
