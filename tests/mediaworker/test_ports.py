"""Port pairs: even and odd, nobody else's, and rested before somebody else gets them."""

import resource
import socket
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from bus.errors import BadRequestError, NoCapacityError
from mediaworker.ports import LocalPairs, PortPair

HOST = "127.0.0.1"


@contextmanager
def pairs(first: int, last: int, rest: float = 5.0, start: int = 0) -> Generator[LocalPairs]:
    source = LocalPairs(first, last, rest, start)
    try:
        yield source
    finally:
        source.close()


def free_range(pairs: int) -> int:
    """Return an even port from which so many pairs are free at the moment."""
    for first in range(46000, 60000, 2 * pairs):
        opened: list[socket.socket] = []
        try:
            for port in range(first, first + 2 * pairs):
                opened.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                opened[-1].bind((HOST, port))
            return first
        except OSError:
            continue
        finally:
            for each in opened:
                each.close()
    raise AssertionError("no free ports")


def numbers(pair: PortPair) -> tuple[int, int]:
    return pair.rtp.getsockname()[1], pair.rtcp.getsockname()[1]


def test_even_and_odd_from_first_to_last() -> None:
    first = free_range(3)
    with pairs(first - 1, first + 5) as source:
        taken = [source.take(HOST, 0.0) for _ in range(3)]
        assert [numbers(pair) for pair in taken] == [
            (first + 2 * n, first + 2 * n + 1) for n in range(3)
        ]
        assert [pair.port for pair in taken] == [first, first + 2, first + 4]
        assert not taken[0].rtp.getblocking()
        with pytest.raises(NoCapacityError, match=f"{first} to {first + 5}"):
            source.take(HOST, 0.0)
        for pair in taken:
            pair.close()


@pytest.mark.parametrize("busy", [0, 1])
def test_ports_of_others_are_skipped(busy: int) -> None:
    first = free_range(2)
    with (
        pairs(first, first + 3) as source,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        other.bind((HOST, first + busy))
        with_room = source.take(HOST, 0.0)
        assert with_room.port == first + 2
        with_room.close()


def test_the_search_goes_round() -> None:
    first = free_range(3)
    with pairs(first, first + 5, rest=0.0, start=1) as source:
        seen: list[int] = []
        for now in range(4):
            pair = source.take(HOST, float(now))
            seen.append(pair.port)
            source.release(pair, float(now))
        assert seen == [first + 2, first + 4, first, first + 2]


def test_a_released_pair_rests_bound_and_comes_back_empty() -> None:
    first = free_range(1)
    with (
        pairs(first, first + 1) as source,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer,
    ):
        pair = source.take(HOST, 10.0)
        source.release(pair, 10.0)
        with pytest.raises(NoCapacityError, match="1 resting"):
            source.take(HOST, 14.9)
        assert numbers(pair) == (first, first + 1)
        peer.sendto(b"late", (HOST, first))
        again = source.take(HOST, 15.0)
        assert again.port == first
        with pytest.raises(BlockingIOError):
            again.rtp.recv(100)
        again.close()


def test_a_rested_pair_is_used_again_and_closed_when_nobody_wants_it() -> None:
    first = free_range(2)
    with pairs(first, first + 3) as source:
        pair = source.take(HOST, 0.0)
        source.release(pair, 0.0)
        assert source.take(HOST, 5.0) is pair
        source.release(pair, 5.0)
        elsewhere = source.take("127.0.0.2", 10.0)
        assert elsewhere.address == "127.0.0.2"
        elsewhere.close()
        assert pair.rtp.fileno() == -1
        other = source.take(HOST, 10.0)
        source.release(other, 10.0)
        source.take("127.0.0.3", 20.0).close()
        assert other.rtcp.fileno() == -1


def test_a_pair_that_is_still_sent_to_without_end_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mediaworker.ports.MOST_LATE", 2)
    first = free_range(2)
    with (
        pairs(first, first + 3) as source,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer,
    ):
        pair = source.take(HOST, 0.0)
        source.release(pair, 0.0)
        for _ in range(3):
            peer.sendto(b"late", (HOST, pair.port))
        again = source.take(HOST, 5.0)
        assert again is not pair
        assert pair.rtp.fileno() == -1
        again.close()


def test_ipv6() -> None:
    first = free_range(1)
    with pairs(first, first + 1) as source:
        pair = source.take("::1", 0.0)
        assert pair.rtp.family == socket.AF_INET6
        assert pair.rtp.getsockname()[:2] == ("::1", first)
        pair.close()


@pytest.mark.parametrize("address", ["192.0.2.1", "localhost", "", "1:2"])
def test_an_address_that_is_not_ours_is_named(address: str) -> None:
    first = free_range(1)
    with (
        pairs(first, first + 1) as source,
        pytest.raises(BadRequestError, match=f"bind RTP to '{address}'"),
    ):
        source.take(address, 0.0)


def test_no_more_descriptors_is_no_capacity() -> None:
    first = free_range(1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pairs(first, first + 1) as source:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            with pytest.raises(NoCapacityError, match="no more sockets"):
                source.take(HOST, 0.0)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_nobody_wants_is_closed_though_nothing_happens() -> None:
    first = free_range(2)
    with pairs(first, first + 3, rest=5.0) as source:
        pair = source.take(HOST, 0.0)
        source.release(pair, 100.0)
        source.free_rested(109.0)
        assert pair.rtp.fileno() >= 0
        source.free_rested(110.0)
        assert (pair.rtp.fileno(), source.held) == (-1, set())
