"""Segments of the pool never overlap, and what is given back can be had again."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from mediaworker.pool import ALIGN, Pool

SAMPLES = 100 * ALIGN


@given(st.lists(st.tuples(st.integers(1, 20 * ALIGN), st.integers(0, 9)), max_size=60))
def test_segments_do_not_overlap(steps: list[tuple[int, int]]) -> None:
    pool, held = Pool(SAMPLES), list[tuple[int, int]]()
    for samples, choice in steps:
        if choice < 4 and held:
            pool.give_back(*held.pop(choice % len(held)))
        elif (offset := pool.take(samples)) is not None:
            held.append((offset, samples))
        parts = sorted(held)
        for (first, length), (second, _) in itertools.pairwise(parts):
            assert first + length <= second
        assert all(at >= 0 and at + length <= SAMPLES for at, length in parts)
    for segment in held:
        pool.give_back(*segment)
    assert pool.free == [(0, SAMPLES)]


def test_a_full_pool_says_so() -> None:
    pool = Pool(SAMPLES)
    assert pool.take(SAMPLES + 1) is None
    assert pool.take(SAMPLES) == 0
    assert pool.take(1) is None
