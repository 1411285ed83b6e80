"""The one place in a worker where RTP sockets are opened.

A stream has a pair: RTP on an even port, RTCP on the next (RFC 3550 section 11).  Sockets stay
unconnected: who may talk to a stream is a column, compared for all rows at once.

A released pair stays bound and rests: the peer of the call that was there may go on sending for a
while, and the next call must not hear it.  A rested pair is emptied and used again; one that
nobody wanted for as long again is closed.

Later a keeper process opens the pairs and passes them; ``PairSource`` is all the worker knows.
"""

import errno
import socket
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from bus.errors import BadRequestError, NoCapacityError

RTP_BUFFER: Final = 128 * 1024
"""Doubled by the kernel, that is four seconds of one peer's RTP."""
RTCP_BUFFER: Final = 16 * 1024
MOST_LATE: Final = 1000
"""Datagrams that a rested socket may hold; whoever sends more goes on, and the pair is closed."""
NO_MORE: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class PortPair(NamedTuple):
    """Two bound, non-blocking sockets."""

    address: str
    port: int
    """Of RTP; RTCP is one above."""
    rtp: socket.socket
    rtcp: socket.socket

    def empty(self) -> bool:
        """Drop what has come; False if it does not end."""
        return all(_empty(each) for each in (self.rtp, self.rtcp))

    def close(self) -> None:
        """Free both ports."""
        self.rtp.close()
        self.rtcp.close()


class PairSource(Protocol):
    """Who gives pairs to streams."""

    def take(self, address: str, now: float) -> PortPair:
        """Return a pair bound to a local address.

        Raises NoCapacityError, and BadRequestError if the address is not one of this machine.
        """
        ...

    def release(self, pair: PortPair, now: float) -> None:
        """Take a pair back when its stream is gone."""
        ...

    def free_rested(self, now: float) -> None:
        """Close what nobody will want any more; called every second or so."""
        ...


class LocalPairs:
    """Pairs opened by this very process, from ``first`` to ``last``."""

    def __init__(self, first: int, last: int, rest: float, start: int = 0) -> None:
        """``rest`` in seconds; ``start`` varies where the search begins, per worker."""
        self.first = first + first % 2
        self.count = max(0, (last + 1 - self.first) // 2)
        self.rest = rest
        self.next = start
        self.held: set[int] = set()
        self.resting: deque[tuple[float, PortPair]] = deque()

    def take(self, address: str, now: float) -> PortPair:
        """Return a rested pair, else the next that nobody holds, going round the whole range."""
        self.free_rested(now)
        if (rested := self._rested(address, now)) is not None:
            return rested
        for port in self._candidates():
            pair = _open_pair(address, port)
            if pair is not None:
                self.held.add(port)
                return pair
        ports = f"{self.first} to {self.first + 2 * self.count - 1}"
        text = f"no RTP port pair is free on {address} ({ports}, {len(self.resting)} resting)"
        raise NoCapacityError(text)

    def release(self, pair: PortPair, now: float) -> None:
        """Let the pair rest."""
        self.resting.append((now + self.rest, pair))
        self.free_rested(now)

    def close(self) -> None:
        """Free all that rests."""
        while self.resting:
            self._free()

    def _candidates(self) -> Iterator[int]:
        for _ in range(self.count):
            port = self.first + 2 * (self.next % self.count)
            self.next += 1
            if port not in self.held:
                yield port

    def _rested(self, address: str, now: float) -> PortPair | None:
        while self.resting and self.resting[0][0] <= now:
            pair = self.resting[0][1]
            if pair.address == address and pair.empty():
                self.resting.popleft()
                return pair
            self._free()
        return None

    def free_rested(self, now: float) -> None:
        """Close what nobody wanted for as long as it rested."""
        while self.resting and self.resting[0][0] + self.rest <= now:
            self._free()

    def _free(self) -> None:
        _, pair = self.resting.popleft()
        self.held.discard(pair.port)
        pair.close()


def _empty(opened: socket.socket) -> bool:
    try:
        for _ in range(MOST_LATE):
            opened.recv(1)
    except BlockingIOError:
        return True
    except OSError:  # an ICMP error; what else there is is not known
        return False
    return False


def _open_pair(address: str, port: int) -> PortPair | None:
    """Bind both, or return None if somebody else has one of them."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    opened: list[socket.socket] = []
    try:
        socket.inet_pton(family, address)  # a name would be looked up, and that takes time
        for number, size in ((port, RTP_BUFFER), (port + 1, RTCP_BUFFER)):
            opened.append(socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
            opened[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
            opened[-1].bind((address, number))
    except OSError as error:
        for each in opened:
            each.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise _refusal(error, address) from None
    return PortPair(address, port, opened[0], opened[1])


def _refusal(error: OSError, address: str) -> NoCapacityError | BadRequestError:
    reason = error.strerror or str(error)
    if error.errno in NO_MORE:
        return NoCapacityError(f"no more sockets can be opened: {reason}")
    return BadRequestError(f"cannot bind RTP to {address!r}: {reason}")
