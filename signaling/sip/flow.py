"""Where a message came from or goes to: the only thing the core knows of sockets."""

from typing import Final

import msgspec

PORTS: Final = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}
"""Where a transport is spoken unless somebody says otherwise (RFC 3261 19.1.2, RFC 7118 5)."""

SECURE: Final = frozenset({"tls", "wss"})


class Flow(msgspec.Struct, frozen=True):
    """A path to a peer.  The shell maps it to a socket, and opens a connection where one lacks.

    ``listener`` names the local socket address we own, ``udp:192.0.2.1:5060``; its transport is the
    flow's.  ``connection`` names an accepted or opened stream connection, empty for UDP and for one
    that is still to be opened.  ``host`` and ``port`` are the peer's, numeric; of a connection they
    are where the next one is opened when it is gone.
    """

    listener: str
    host: str
    port: int
    connection: str = ""
    domain: str = ""
    """What a TLS server must prove to be where a connection is opened; empty: the host."""

    @property
    def transport(self) -> str:
        """``udp``, ``tcp``, ``tls``, ``ws`` or ``wss``."""
        return self.listener.partition(":")[0]

    @property
    def reliable(self) -> bool:
        """Whether retransmission is the transport's work."""
        return not self.listener.startswith("udp:")
