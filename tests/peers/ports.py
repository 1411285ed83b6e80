"""Ports that are free now, and waiting until somebody has bound one."""

import socket
import time
from pathlib import Path

_TABLES = {"udp": ("udp", "udp6"), "tcp": ("tcp", "tcp6")}
_LISTENING = {"udp": "07", "tcp": "0A"}


def free_port() -> int:
    """Return a port that is free for UDP and TCP on 127.0.0.1, and so is the next one."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
        if port % 2 == 0 and all(is_free(port + step) for step in (0, 1)):
            return port


def is_free(port: int) -> bool:
    """Whether a port of 127.0.0.1 can be bound for both UDP and TCP."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def bound_ports(transport: str) -> set[int]:
    """Return the local ports that are bound (udp) or listened at (tcp) on this host."""
    ports: set[int] = set()
    for table in _TABLES[transport]:
        path = Path("/proc/net") / table
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            _, local, _, state, *_ = line.split()
            if state == _LISTENING[transport]:
                ports.add(int(local.rpartition(":")[2], 16))
    return ports


def wait_bound(port: int, transport: str = "udp", *, seconds: float = 10.0) -> None:
    """Return as soon as somebody has bound the port; raise TimeoutError if nobody does."""
    deadline = time.monotonic() + seconds
    while port not in bound_ports(transport):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody bound {transport} port {port} within {seconds} s")
        time.sleep(0.02)
