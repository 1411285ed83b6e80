"""Rows with real sockets on the loopback, each with a peer of its own."""

import socket
from collections.abc import Callable
from typing import Final

from bus.ids import StreamId
from mediaworker import rows
from mediaworker.media import Media
from mediaworker.net.backend import Backend
from mediaworker.net.portable import Portable
from mediaworker.net.uring import Uring
from mediaworker.streams import Streams
from mediaworker.tick import run_tick
from tests.mediaworker.virtual import peer

Pair = tuple[socket.socket, socket.socket]
Make = Callable[[Streams], Backend]
FAMILIES: Final = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}
BACKENDS: Final[dict[str, Make]] = {"portable": Portable, "uring": Uring}


def bound(host: str) -> socket.socket:
    opened = socket.socket(FAMILIES[host], socket.SOCK_DGRAM)
    opened.bind((host, 0))
    opened.setblocking(False)
    return opened


def port_of(opened: socket.socket) -> int:
    port: int = opened.getsockname()[1]
    return port


def everything(opened: socket.socket) -> list[bytes]:
    found = list[bytes]()
    while True:
        try:
            found.append(opened.recv(2000))
        except BlockingIOError:
            return found


class Bed:
    """A media, its backend and what is around them."""

    def __init__(self, make: Make, count: int = 3, host: str = "127.0.0.1") -> None:
        self.host = host
        self.media = Media.private(count)
        self.net = make(self.media.streams)
        self.ours: list[Pair] = []
        self.peers: list[Pair] = []
        for number in range(count):
            self.add(number)

    def add(self, number: int) -> None:
        ours, peers = (bound(self.host), bound(self.host)), (bound(self.host), bound(self.host))
        self.ours.append(ours)
        self.peers.append(peers)
        row = rows.take(self.media, StreamId(number + 1), 0)
        entropy = number.to_bytes(rows.ENTROPY)
        rows.open_row(self.media, row, caller_is_remote=False, entropy=entropy)
        self.net.open(row, *ours)
        port, rtcp_port = port_of(peers[0]), port_of(peers[1])
        rows.aim(self.media, row, peer(address=self.host, port=port, rtcp_port=rtcp_port))

    def send(self, number: int, datagram: bytes, kind: int = 0) -> None:
        to = self.ours[number][kind].getsockname()
        self.peers[number][kind].sendto(datagram, to)

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            run_tick(self.media, self.media.tick + 1, 5_000_000 * self.media.tick, self.net)

    def receive(self) -> list[tuple[int, bytes]]:
        """Receive once; return row and datagram (cut), in the order of the waves."""
        self.net.receive(self.media)
        found = list[tuple[int, bytes]]()
        for wave in self.media.waves:
            assert len(set(wave.rows.tolist())) == len(wave.rows)
            for index, row in enumerate(wave.rows.tolist()):
                slot = wave.slot if isinstance(wave.slot, int) else int(wave.slot[index])
                length = int(wave.lengths[index])
                found.append((row, self.media.streams.datagrams[row, slot, :length].tobytes()))
        return found

    def close(self) -> None:
        self.net.end()
        for pair in self.ours + self.peers:
            for each in pair:
                each.close()
