"""The backend that works everywhere: epoll, ``recvfrom_into``, ``sendto``."""

import socket

from mediaworker.media import Media, Report
from mediaworker.streams import Rows


class Portable:
    """Sockets of all rows, in one epoll instance."""

    name = "portable"

    def __init__(self, media: Media) -> None:
        """Serve the rows of ``media``."""
        self.errors = 0
        """Sends and receives that the system refused."""

    def fileno(self) -> int:
        """Return the epoll descriptor: readable when any socket is."""
        raise NotImplementedError

    def open(self, row: int, rtp: socket.socket, rtcp: socket.socket) -> None:
        """Serve a row with these sockets, which stay the caller's to close."""
        raise NotImplementedError

    def close(self, row: int) -> None:
        """Forget the sockets of a row.  Call it before they are closed."""
        raise NotImplementedError

    def receive(self, media: Media) -> None:
        """Drain all sockets, up to ``SLOTS`` datagrams a row."""
        raise NotImplementedError

    def send(self, media: Media, rows: Rows) -> None:
        """Send the packets of ``rows``."""
        raise NotImplementedError

    def send_report(self, media: Media, report: Report) -> None:
        """Send RTCP."""
        raise NotImplementedError
