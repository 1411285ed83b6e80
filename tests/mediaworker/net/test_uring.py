import os
import struct
from collections.abc import Iterator

import numpy as np
import pytest

from mediaworker.net.uring import Uring
from mediaworker.streams import OFFSET, SLOTS, Streams
from tests.mediaworker.net.bed import Bed, everything

REGISTER_PBUF_STATUS = 26
MANY = 100


def uring(bed: Bed) -> Uring:
    assert isinstance(bed.net, Uring)
    return bed.net


def crowded(streams: Streams) -> Uring:
    return Uring(streams, completions=2 * MANY + 2)


@pytest.fixture
def bed() -> Iterator[Bed]:
    made = Bed(Uring)
    yield made
    made.close()


def free_slots(bed: Bed, row: int) -> int:
    """Ask the kernel how far it is, and say how many slots it can still take."""
    net, status = uring(bed), np.zeros(10, np.uint32)
    status[0] = row
    net.ring.register(REGISTER_PBUF_STATUS, status.ctypes.data, 1)
    return (int(net.buffers.tails[row]) - int(status[1])) & 0xFFFF


def test_running_out_of_slots_is_counted_and_nothing_is_lost(bed: Bed) -> None:
    sent = [b"%d" % number for number in range(2 * SLOTS + 3)]
    for datagram in sent:
        bed.send(0, datagram)
    taken = bed.receive()
    assert len(taken) == SLOTS
    assert bed.net.errors == {"ENOBUFS": 1}
    bed.send(1, b"another row goes on")
    again = bed.receive()
    assert again[-1] == (1, b"another row goes on") or again[SLOTS] != again[0]
    taken += [each for each in again if each[0] == 0] + bed.receive()
    assert [datagram for _, datagram in taken] == sent
    assert bed.net.errors == {"ENOBUFS": 2}


def test_a_burst_larger_than_the_ring_is_taken_whole() -> None:
    """The kernel keeps what has no room, and ends the receiving of who has it; then we go on."""
    many = Bed(crowded, MANY)
    try:
        assert uring(many).ring.capacity < 3 * MANY
        for number in range(3 * MANY):
            many.send(number % MANY, b"%d" % number)
        taken = list[bytes]()
        for _ in range(4):
            taken += [datagram for _, datagram in many.receive()]
        assert sorted(taken, key=int) == [b"%d" % number for number in range(3 * MANY)]
        assert many.net.errors["OVERFLOW"] >= 1
        for number in range(MANY):
            many.send(number, b"%d" % number)
        after = many.receive() + many.receive()
        assert sorted(after) == sorted((number, b"%d" % number) for number in range(MANY))
    finally:
        many.close()


def test_a_slot_says_whether_there_is_a_datagram(bed: Bed) -> None:
    marks = bed.media.streams.slots[:, :, 0]
    assert not marks.any()
    bed.send(0, b"one")
    bed.send(0, b"two")
    bed.send(2, b"three")
    bed.receive()
    assert np.count_nonzero(marks, axis=1).tolist() == [2, 0, 1]
    bed.net.receive(bed.media)
    assert not marks.any()


def test_slots_are_used_in_turn_and_all_come_back(bed: Bed) -> None:
    bed.receive()
    for round_number in range(5 * SLOTS):
        bed.send(0, b"%d" % round_number)
        if round_number % 3 == 0:
            bed.send(0, b"second")
        assert bed.receive()[0] == (0, b"%d" % round_number)
    bed.receive()
    assert [free_slots(bed, row) for row in range(3)] == [SLOTS] * 3


def test_slots_of_closed_rows_come_back(bed: Bed) -> None:
    bed.receive()
    for round_number in range(3 * SLOTS):
        for row in range(3):
            for _ in range(3):
                bed.send(row, os.urandom(30))
        if round_number % 2:
            bed.receive()
        bed.net.close(1)
        bed.net.open(1, *bed.ours[1])
        bed.receive()
    bed.receive()
    assert [free_slots(bed, row) for row in range(3)] == [SLOTS] * 3
    assert not bed.media.streams.slots[:, :, 0].any()


def test_refused_sends_are_told_from_datagrams(bed: Bed) -> None:
    bed.tick(4)
    net = uring(bed)
    net.sends["fd"][1] = 2_000_000  # a file that is not registered
    bed.tick(4)
    bed.send(2, b"datagram")
    assert bed.receive() == [(2, b"datagram")]
    assert bed.net.errors == {"EBADF": 1}
    assert [len(everything(each)) for each, _ in bed.peers] == [2, 1, 2]


def test_the_submission_ring_goes_round(bed: Bed) -> None:
    net = uring(bed)
    for _ in range(5 * net.ring.size):
        bed.tick(4)
        assert [len(everything(each)) for each, _ in bed.peers] == [1, 1, 1]
    assert not bed.net.errors


def test_the_source_lies_before_the_datagram(bed: Bed) -> None:
    bed.send(0, b"datagram")
    bed.receive()
    slot = bed.media.streams.slots[0, 0].tobytes()
    length, _, payload, _ = struct.unpack_from("=IIII", slot)
    assert (length, payload) == (16, len(b"datagram"))
    assert slot[OFFSET:].startswith(b"datagram")
