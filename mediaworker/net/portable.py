"""The backend that works everywhere: epoll, ``recvfrom_into``, ``sendto``.

One datagram of each readable socket is taken at a time, then epoll is asked again: so each wave has
a row at most once, and no socket is ever read in vain (an exception costs as much as a datagram).
"""

import select
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from bus.columns import Column
from mediaworker.media import Media, Report, Wave
from mediaworker.net.address import Sources, Target, target_of
from mediaworker.net.reports import Reports, note
from mediaworker.streams import ADDRESS, DATAGRAM, OFFSET, PACKET, SLOT, SLOTS, Rows, Streams

Receive = Callable[[memoryview], tuple[int, Any]]
Send = Callable[[memoryview, Target], int]


def _nowhere(_datagram: memoryview, _target: Target) -> int:
    """Stand in for the socket of a row that has none."""
    return 0


class Portable:
    """Sockets of all rows, in one epoll instance."""

    name = "portable"

    def __init__(self, streams: Streams) -> None:
        """Serve rows."""
        rows = streams.rows
        self.errors = Counter[str]()
        """What the system refused, by the name of the reason."""
        self.epoll = select.epoll()
        self.reports = Reports(self.errors)
        self.epoll.register(self.reports, select.EPOLLIN)
        self.sockets: dict[int, socket.socket] = {}
        self.rtp: dict[int, tuple[int, Receive]] = {}
        """By descriptor: the row, and how to receive."""
        self.senders: list[Send] = [_nowhere] * rows
        self.targets: list[Target] = [("", 0)] * rows
        self.sources = Sources()
        self.slots = _views(streams.slots.reshape(rows * SLOTS, SLOT), OFFSET, DATAGRAM)
        self.packets = _views(streams.packet, 0, PACKET)
        self.sealed = _views(streams.sealed, 0, streams.sealed.shape[1])
        self.sized: dict[int, list[memoryview]] = {}

    def open(self, row: int, rtp: socket.socket, rtcp: socket.socket) -> None:
        """Serve a row with these sockets, which stay the caller's to close."""
        self.sockets[row] = rtp
        self.rtp[rtp.fileno()] = row, rtp.recvfrom_into
        self.senders[row] = rtp.sendto
        self.epoll.register(rtp, select.EPOLLIN)
        self.reports.open(row, rtp, rtcp)

    def close(self, row: int) -> None:
        """Forget the sockets of a row.  Call it before they are closed."""
        rtp = self.sockets.pop(row, None)
        if rtp is None:
            return
        self.senders[row] = _nowhere
        del self.rtp[rtp.fileno()]
        self.epoll.unregister(rtp)
        self.reports.close(row)

    def end(self) -> None:
        """Close what is ours."""
        self.reports.end()
        self.epoll.close()

    def receive(self, media: Media) -> None:
        """Drain all sockets, up to ``SLOTS`` datagrams a row."""
        media.waves = []
        media.reports_heard = []
        most = len(self.sockets) + 1
        for slot in range(SLOTS):
            ready = self.epoll.poll(0, most)
            if not ready:
                return
            self._receive_wave(media, slot, ready)

    def send(self, media: Media, rows: Rows) -> None:
        """Send the packets of ``rows``."""
        if media.moved:
            self._move(media)
        if media.protected:
            rows = self._send_sealed(media.streams, rows)
        lengths = media.streams.packet_length[rows]
        while len(rows):
            same = lengths == lengths[0]
            self._send(rows[same].tolist(), self._sized(int(lengths[0])))
            rows, lengths = rows[~same], lengths[~same]

    def send_report(self, media: Media, report: Report) -> None:
        """Send RTCP."""
        self.reports.send(media, report)

    def _receive_wave(self, media: Media, slot: int, ready: Iterable[tuple[int, int]]) -> None:
        """Take one datagram of each socket."""
        rtp, slots, known = self.rtp, self.slots, self.sources
        rows, lengths, sources = list[int](), list[int](), list[bytes]()
        for descriptor, _ in ready:
            entry = rtp.get(descriptor)
            if entry is None:
                if slot == 0:
                    media.reports_heard = self.reports.receive()
                continue
            row, receive = entry
            try:
                length, source = receive(slots[row * SLOTS + slot])
            except OSError as error:
                note(self.errors, error.errno or 0)
                continue
            rows.append(row)
            lengths.append(length)
            sources.append(known[source])
        if rows:
            words = np.frombuffer(b"".join(sources), np.uint64).reshape(-1, ADDRESS)
            media.waves.append(Wave(np.array(rows), slot, np.array(lengths), words))

    def _send(
        self, rows: Iterable[int], views: Sequence[memoryview] | dict[int, memoryview]
    ) -> None:
        senders, targets = self.senders, self.targets
        for row in rows:
            try:
                senders[row](views[row], targets[row])
            except OSError as error:
                note(self.errors, error.errno or 0)

    def _send_sealed(self, streams: Streams, rows: Rows) -> Rows:
        """Send the packets of rows with SRTP; return the others."""
        lengths = streams.sealed_length[rows]
        sealed = lengths > 0
        for row, length in zip(rows[sealed].tolist(), lengths[sealed].tolist(), strict=True):
            self._send((row,), {row: self.sealed[row][:length]})
        return rows[~sealed]

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
