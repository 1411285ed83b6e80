"""The backend that works everywhere: epoll, ``recvfrom_into``, ``sendto``.

One datagram of each readable socket is taken at a time, then epoll is asked again: so each wave has
a row at most once, and no socket is ever read in vain (an exception costs as much as a datagram).
"""

import select
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np

from bus.columns import Column
from mediaworker.media import Media, Report, Wave
from mediaworker.net.address import WORDS, Sources, Target, target_of
from mediaworker.streams import ADDRESS, DATAGRAM, OFFSET, PACKET, SLOT, SLOTS, Rows

RTCP_BYTES: Final = 1500
REPORTS: Final = 4
"""RTCP datagrams taken of one row in a tick."""

Receive = Callable[[memoryview], tuple[int, Any]]
Send = Callable[[memoryview, Target], int]


def _nowhere(_datagram: memoryview, _target: Target) -> int:
    """Stand in for the socket of a row that has none."""
    return 0


class Portable:
    """Sockets of all rows, in one epoll instance."""

    name = "portable"

    def __init__(self, media: Media) -> None:
        """Serve the rows of ``media``."""
        rows = media.streams.rows
        self.errors = 0
        """Sends and receives that the system refused."""
        self.epoll = select.epoll()
        self.sockets: dict[int, tuple[socket.socket, socket.socket]] = {}
        self.rtp: dict[int, tuple[int, Receive]] = {}
        """By descriptor: the row, and how to receive."""
        self.rtcp: dict[int, tuple[int, socket.socket]] = {}
        self.senders: list[Send] = [_nowhere] * rows
        self.targets: list[Target] = [("", 0)] * rows
        self.sources = Sources()
        self.slots = _views(media.streams.slots.reshape(rows * SLOTS, SLOT), OFFSET, DATAGRAM)
        self.packets = _views(media.streams.packet, 0, PACKET)
        self.sized: dict[int, list[memoryview]] = {}

    def fileno(self) -> int:
        """Return the epoll descriptor: readable when any socket is."""
        return self.epoll.fileno()

    def open(self, row: int, rtp: socket.socket, rtcp: socket.socket) -> None:
        """Serve a row with these sockets, which stay the caller's to close."""
        self.sockets[row] = rtp, rtcp
        self.rtp[rtp.fileno()] = row, rtp.recvfrom_into
        self.rtcp[rtcp.fileno()] = row, rtcp
        self.senders[row] = rtp.sendto
        self.epoll.register(rtp, select.EPOLLIN)
        self.epoll.register(rtcp, select.EPOLLIN)

    def close(self, row: int) -> None:
        """Forget the sockets of a row.  Call it before they are closed."""
        pair = self.sockets.pop(row, None)
        if pair is None:
            return
        rtp, rtcp = pair
        self.senders[row] = _nowhere
        del self.rtp[rtp.fileno()], self.rtcp[rtcp.fileno()]
        self.epoll.unregister(rtp)
        self.epoll.unregister(rtcp)

    def receive(self, media: Media) -> None:
        """Drain all sockets, up to ``SLOTS`` datagrams a row."""
        media.waves = []
        media.reports_heard = []
        most = max(1, 2 * len(self.sockets))
        for slot in range(SLOTS):
            ready = self.epoll.poll(0, most)
            if not ready:
                return
            self._receive_wave(media, slot, ready)

    def send(self, media: Media, rows: Rows) -> None:
        """Send the packets of ``rows``."""
        if media.moved:
            self._move(media)
        lengths = media.streams.packet_length[rows]
        while len(rows):
            same = lengths == lengths[0]
            self._send(rows[same].tolist(), self._sized(int(lengths[0])))
            rows, lengths = rows[~same], lengths[~same]

    def send_report(self, media: Media, report: Report) -> None:
        """Send RTCP."""
        pair = self.sockets.get(report.row)
        if pair is None:
            return
        try:
            pair[1].sendto(report.datagram, target_of(media.streams.rtcp_peer[report.row].tolist()))
        except OSError:
            self.errors += 1

    def _receive_wave(self, media: Media, slot: int, ready: Iterable[tuple[int, int]]) -> None:
        """Take one datagram of each socket."""
        rtp, slots, known = self.rtp, self.slots, self.sources
        rows, lengths, sources = list[int](), list[int](), list[bytes]()
        for descriptor, _ in ready:
            entry = rtp.get(descriptor)
            if entry is None:
                self._receive_report(media, slot, descriptor)
                continue
            row, receive = entry
            try:
                length, source = receive(slots[row * SLOTS + slot])
            except OSError:
                self.errors += 1
                continue
            rows.append(row)
            lengths.append(length)
            sources.append(known[source])
        if rows:
            words = np.frombuffer(b"".join(sources), np.uint64).reshape(-1, ADDRESS)
            media.waves.append(Wave(np.array(rows), slot, np.array(lengths), words))

    def _receive_report(self, media: Media, slot: int, descriptor: int) -> None:
        if slot >= REPORTS:
            return
        row, rtcp = self.rtcp[descriptor]
        try:
            datagram, source = rtcp.recvfrom(RTCP_BYTES)
        except OSError:
            self.errors += 1
            return
        media.reports_heard.append(Report(row, datagram, WORDS.unpack(self.sources[source])))

    def _send(self, rows: Sequence[int], views: Sequence[memoryview]) -> None:
        senders, targets = self.senders, self.targets
        for row in rows:
            try:
                senders[row](views[row], targets[row])
            except OSError:
                self.errors += 1

    def _sized(self, length: int) -> list[memoryview]:
        """Return the packets of all rows, cut to a length."""
        views = self.sized.get(length)
        if views is None:
            views = self.sized[length] = [packet[:length] for packet in self.packets]
        return views

    def _move(self, media: Media) -> None:
        """Look up the addresses of rows whose peer has moved."""
        for row in media.moved:
            self.targets[row] = target_of(media.streams.peer[row].tolist())
        media.moved.clear()


def _views(rows: Column[np.uint8], offset: int, length: int) -> list[memoryview]:
    """Return ``length`` bytes of each row of a table, from ``offset`` on."""
    width, whole = rows.shape[1], rows.data.cast("B")
    return [whole[begin : begin + length] for begin in range(offset, rows.size, width)]
