import errno
from collections.abc import Iterator

import numpy as np
import pytest

from mediaworker.net.rings import COMPLETION, ENTRY, PARAMS, Ring

NOP = 0


@pytest.fixture
def ring() -> Iterator[Ring]:
    made = Ring(8, 16)
    made.entries["user_data"] = 100 + np.arange(8)
    yield made
    made.close()


def test_structures_are_of_the_sizes_that_the_kernel_knows() -> None:
    assert (PARAMS.itemsize, ENTRY.itemsize, COMPLETION.itemsize) == (120, 64, 16)


def test_there_is_room_for_what_was_asked_for() -> None:
    made = Ring(100, 1000)
    assert (made.size, made.capacity) == (128, 1024)
    made.close()


def test_entries_are_carried_out_in_the_order_in_which_they_were_pushed(ring: Ring) -> None:
    ring.push(np.array([5, 1, 5]))
    assert ring.waiting() == 0
    ring.enter()
    assert ring.waiting() == 3
    done = ring.take()
    assert done.user_data.tolist() == [105, 101, 105]
    assert done.results.tolist() == [0, 0, 0]
    assert ring.waiting() == 0
    assert len(ring.take().user_data) == 0


def test_both_rings_go_round(ring: Ring) -> None:
    for number in range(100):
        indexes = (number + np.arange(1 + number % 8)) % 8
        ring.push(indexes)
        ring.submit()
        ring.enter()
        assert ring.take().user_data.tolist() == (100 + indexes).tolist()


def test_a_full_ring_is_taken_whole(ring: Ring) -> None:
    for _ in range(2):
        ring.push(np.arange(8))
        ring.enter()
    assert ring.waiting() == ring.capacity
    assert ring.take().user_data.tolist() == [*range(100, 108)] * 2


def test_what_fails_says_why(ring: Ring) -> None:
    ring.entries["opcode"][3] = 255
    ring.push(np.array([3]))
    ring.enter()
    assert ring.take().results.tolist() == [-errno.EINVAL]


def test_refusals_are_raised(ring: Ring) -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        ring.register(9999, 0, 0)
    with pytest.raises(OSError, match="Invalid argument"):
        Ring(0, 0)


def test_parts_can_be_picked(ring: Ring) -> None:
    ring.push(np.arange(4))
    ring.enter()
    done = ring.take()
    assert done.only(done.user_data > 101).user_data.tolist() == [102, 103]
