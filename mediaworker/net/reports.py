"""RTCP, which is rare: epoll, for both backends.  They watch the epoll instance itself."""

import errno
import select
import socket
from collections import Counter
from typing import Final

from mediaworker.media import Media, Report
from mediaworker.net.address import WORDS, Sources, target_of

LONGEST: Final = 1500
"""Bytes."""
MOST: Final = 4
"""Datagrams taken of one row in a tick."""


class Reports:
    """The RTCP sockets of all rows."""

    def __init__(self, errors: Counter[str]) -> None:
        """Begin without any.  What the system refuses is counted in ``errors``."""
        self.errors = errors
        self.epoll = select.epoll()
        self.sockets: dict[int, socket.socket] = {}
        self.rtp: dict[int, socket.socket] = {}
        """For rows whose RTCP goes with RTP (RFC 5761)."""
        self.rows: dict[int, int] = {}
        """By descriptor."""
        self.sources = Sources()

    def fileno(self) -> int:
        """Return a descriptor that is readable when something has come."""
        return self.epoll.fileno()

    def open(self, row: int, rtp: socket.socket, rtcp: socket.socket) -> None:
        """Serve a row with these sockets."""
        self.sockets[row], self.rtp[row] = rtcp, rtp
        self.rows[rtcp.fileno()] = row
        self.epoll.register(rtcp, select.EPOLLIN)

    def close(self, row: int) -> None:
        """Forget the socket of a row."""
        rtcp = self.sockets.pop(row)
        del self.rtp[row], self.rows[rtcp.fileno()]
        self.epoll.unregister(rtcp)

    def receive(self) -> list[Report]:
        """Take what has come, up to ``MOST`` of each row."""
        heard: list[Report] = []
        for _ in range(MOST):
            ready = self.epoll.poll(0, max(1, len(self.rows)))
            if not ready:
                break
            for descriptor, _ in ready:
                self._receive_one(self.rows[descriptor], heard)
        return heard

    def send(self, media: Media, report: Report) -> None:
        """Send to the ``rtcp_peer`` of its row."""
        row = report.row
        sender = (self.rtp if media.streams.rtcp_mux[row] else self.sockets).get(row)
        if sender is None:
            return
        try:
            sender.sendto(report.datagram, target_of(media.streams.rtcp_peer[row].tolist()))
        except OSError as error:
            note(self.errors, error.errno or 0)

    def _receive_one(self, row: int, heard: list[Report]) -> None:
        try:
            datagram, source = self.sockets[row].recvfrom(LONGEST)
        except OSError as error:
            note(self.errors, error.errno or 0)
        else:
            heard.append(Report(row, datagram, WORDS.unpack(self.sources[source])))

    def end(self) -> None:
        """Close what is ours."""
        self.epoll.close()


def note(errors: Counter[str], number: int) -> None:
    """Count an error by its name."""
    errors[errno.errorcode.get(number, str(number))] += 1
