import socket
from collections.abc import Iterator

import numpy as np
import pytest

from bus.columns import Column
from mediaworker.net.address import sockaddr, words_of
from mediaworker.net.buffers import BUFFER, NAME, REGISTRATION, Buffers
from mediaworker.net.rings import Ring
from mediaworker.streams import SLOTS, Streams

ROWS = 3


class Table:
    """Slots, and how the kernel knows them."""

    def __init__(self) -> None:
        self.streams = Streams.private(ROWS)
        self.ring = Ring(8, 16)
        self.buffers = Buffers(self.streams, self.ring)

    def put(self, place: int, host: str, port: int) -> None:
        """Write a source as the kernel does."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        name = sockaddr(words_of(host, port), family)
        slot = self.streams.slots.reshape(ROWS * SLOTS, -1)[place]
        slot[NAME:48] = 0xEE  # what is behind a short one is not defined
        slot[NAME : NAME + len(name)] = np.frombuffer(name, np.uint8)


@pytest.fixture
def table() -> Iterator[Table]:
    made = Table()
    yield made
    made.ring.close()


def told(words: Column[np.uint64]) -> list[tuple[int, ...]]:
    return [tuple(each) for each in words.tolist()]


def test_structures_are_of_the_sizes_that_the_kernel_knows() -> None:
    assert (BUFFER.itemsize, REGISTRATION.itemsize) == (16, 40)


@pytest.mark.parametrize(
    "sources",
    [
        [("127.0.0.1", 5060), ("255.255.255.255", 65535), ("192.0.2.1", 1)],
        [("::1", 5060), ("2001:db8::ffff:1", 65535), ("::ffff:192.0.2.1", 9)],
        [("127.0.0.1", 5060), ("::1", 5061), ("10.1.2.3", 256)],
    ],
)
def test_sources_are_read_for_all_at_once(table: Table, sources: list[tuple[str, int]]) -> None:
    places = [1, SLOTS + 15, 2 * SLOTS]
    for place, source in zip(places, sources, strict=True):
        table.put(place, *source)
    for _ in range(3):
        found = table.buffers.sources(np.arange(ROWS), np.array(places))
        assert told(found) == [words_of(*source) for source in sources]


def test_a_source_may_change_from_one_datagram_to_the_next(table: Table) -> None:
    hosts = ["10.0.0.1", "10.0.0.2", "::ffff:10.0.0.1", "::ffff:10.0.0.2", "2001:db8::1"]
    for place, host in enumerate(hosts):
        table.put(place, host, 4000)
    wanted = [words_of(host, 4000) for host in hosts]
    for order in ([0, 1], [1, 0], [2, 3], [3, 2], [4, 2], [2, 4], [0, 4], [4, 0], [0, 0], [1, 1]):
        for number in order:
            assert told(table.buffers.sources(np.array([1]), np.array([number]))) == [
                wanted[number]
            ]
        both = table.buffers.sources(np.array([1, 1]), np.array(order))
        assert told(both) == [wanted[number] for number in order]


def test_tails_grow_and_wrap(table: Table) -> None:
    assert table.buffers.tails.tolist() == [SLOTS] * ROWS
    table.buffers.tails[1] = 65535
    table.buffers.give_back(np.array([0, 1]))
    assert table.buffers.tails.tolist() == [SLOTS + 1, 0, SLOTS]


def test_cleared_slots_have_no_datagram(table: Table) -> None:
    table.streams.slots[:] = 9
    table.buffers.clear(np.array([0, SLOTS + 3]))
    cleared = np.argwhere(table.streams.slots[:, :, 0] == 0).tolist()
    assert cleared == [[0, 0], [1, 3]]


def test_a_group_cannot_be_made_twice(table: Table) -> None:
    with pytest.raises(OSError, match="File exists"):
        Buffers(table.streams, table.ring)
