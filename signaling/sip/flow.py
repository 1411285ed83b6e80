"""Where a message came from or goes to: the only thing the core knows of sockets."""

import msgspec


class Flow(msgspec.Struct, frozen=True):
    """A path to a peer.  The shell maps it to a socket, and opens a connection where one lacks.

    ``listener`` names the local socket address we own, ``udp:192.0.2.1:5060``; its transport is the
    flow's.  ``host`` and ``port`` are the peer's, numeric.  ``connection`` names an accepted or
    opened stream connection, empty for UDP and for one that is still to be opened.
    """

    listener: str
    host: str
    port: int
    connection: str = ""

    @property
    def transport(self) -> str:
        """``udp`` or ``tcp``."""
        return self.listener.partition(":")[0]

    @property
    def reliable(self) -> bool:
        """Whether retransmission is the transport's work."""
        return self.transport != "udp"
