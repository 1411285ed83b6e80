import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaworker.ring import Rings, Windows

LENGTH = 24


@given(
    st.integers(1, LENGTH),
    st.lists(st.integers(0, LENGTH - 1), min_size=3, max_size=3),
    st.integers(0, 99),
)
def test_runs_go_round_and_stay_in_their_row(samples: int, at: list[int], seed: int) -> None:
    rings = np.random.default_rng(seed).integers(1, 9999, (5, LENGTH)).astype(np.int16)
    expected, rows = rings.copy(), np.array([4, 0, 2])
    subject = Rings(rings)
    values = np.arange(3 * samples, dtype=np.int16).reshape(3, samples)
    for row, begin, value in zip(rows, at, values, strict=True):
        for offset in range(samples):
            expected[row, (begin + offset) % LENGTH] = value[offset]
    subject.write(rows, np.array(at), samples, values)
    assert (rings == expected).all()
    assert (subject.read(rows, np.array(at), samples) == values).all()


def test_what_is_read_is_a_copy() -> None:
    rings = np.ones((2, LENGTH), np.int16)
    subject = Rings(rings)
    read = subject.read(np.array([0]), np.array([3]), 4)
    subject.write(np.array([0]), np.array([3]), 4, 0)
    assert read.all() and rings[0].sum() == LENGTH - 4


def test_windows_begin_at_every_sample() -> None:
    windows = Windows(np.arange(10, dtype=np.int16))
    assert windows[4][np.array([0, 3, 6])].tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]
    assert len(windows[4]) == 7


def test_windows_of_a_protected_column_are_protected() -> None:
    flat = np.zeros(10, np.int16)
    flat.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        Windows(flat)[2][0] = 1


@given(st.lists(st.integers(0, LENGTH - 1), min_size=2, max_size=2), st.integers(1, LENGTH))
def test_what_is_taken_is_gone(at: list[int], samples: int) -> None:
    rings = np.ones((3, LENGTH), np.int16)
    subject, rows = Rings(rings), np.array([2, 1])
    expected = subject.read(rows, np.array(at), samples)
    assert (subject.take(rows, np.array(at), samples) == expected).all()
    assert not subject.read(rows, np.array(at), samples).any()
    assert rings.sum() == 3 * LENGTH - 2 * samples
