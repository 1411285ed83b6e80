"""What a tick needs of the network."""

import socket
from collections import Counter
from typing import Protocol

from mediaworker.media import Media, Report
from mediaworker.streams import Rows


class Backend(Protocol):
    """Moves datagrams between sockets and the columns of a ``Media``."""

    name: str
    errors: Counter[str]
    """What the system refused, by the name of the reason: ``ECONNREFUSED``, ..."""

    def open(self, row: int, rtp: socket.socket, rtcp: socket.socket) -> None:
        """Serve a row with these two bound, unconnected, non-blocking sockets (not owned)."""
        ...

    def close(self, row: int) -> None:
        """Forget the sockets of a row, without closing them.  Call it before they are closed."""
        ...

    def end(self) -> None:
        """Free what the backend has of its own."""
        ...

    def receive(self, media: Media) -> None:
        """Take what has arrived: ``media.waves`` and ``media.reports_heard`` are replaced."""
        ...

    def send(self, media: Media, rows: Rows) -> None:
        """Send the ``packet`` of each of ``rows``."""
        ...

    def send_report(self, media: Media, report: Report) -> None:
        """Send RTCP to the ``rtcp_peer`` of its row."""
        ...
