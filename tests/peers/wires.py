"""An engine that listens on every transport, each at a port of its own, on 127.0.0.1 and ::1."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.peers.certificates import authority, signed
from tests.peers.engine import Engine
from tests.peers.ports import free_port

TRANSPORTS: Final = ("udp", "tcp", "tls", "ws", "wss")
NAME: Final = "engine.test"
"""What our certificate says."""
TOLD: Final = "203.0.113.5:5070"
"""What the listener at port ``nat`` tells its peers."""


class WiredEngine(Engine):
    """``port`` is by transport and, for IPv6, by ``udp6`` and so on.

    ``nameserver_port`` is where it looks for a name server; who needs one starts it there.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str | int | float] | None = None):
        folder.mkdir(parents=True, exist_ok=True)
        self.trusted = authority(folder)
        self.certificate = signed(folder, self.trusted, NAME)
        self.nameserver_port = free_port()
        udp = free_port()
        self.port = {name: free_port() for name in TRANSPORTS} | {"udp": udp, "tcp": udp}
        self.port |= {f"{name}6": port for name, port in self.port.items()} | {"nat": free_port()}
        listen = [f"{name}:127.0.0.1:{self.port[name]}" for name in TRANSPORTS]
        listen += [f"{name}:[::1]:{self.port[name]}" for name in TRANSPORTS]
        listen.append(f"udp:127.0.0.1:{self.port['nat']}/{TOLD}")
        super().__init__(
            folder,
            transports=(),
            sip_port=udp,
            settings={
                "sip.listen": ",".join(listen),
                "sip.nameserver": f"127.0.0.1:{self.nameserver_port}",
                "tls.certificate": str(self.certificate.certificate),
                "tls.key": str(self.certificate.key),
                "tls.authorities": str(self.trusted.certificate),
                **(settings or {}),
            },
        )
