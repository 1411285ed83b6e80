import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mediaworker.masks import each_kind, every, places, some


@given(st.lists(st.booleans()))
def test_they_answer_what_numpy_answers(holds: list[bool]) -> None:
    mask = np.array(holds, np.bool_)
    assert every(mask) is all(holds)
    assert some(mask) is any(holds)
    assert places(mask).tolist() == [index for index, held in enumerate(holds) if held]


@given(st.lists(st.integers(0, 5), min_size=1))
def test_kinds_are_told_apart(numbers: list[int]) -> None:
    kinds = np.array(numbers, np.uint8)
    found = {
        kind: np.ones(len(kinds), np.bool_) if same is None else same
        for kind, same in each_kind(kinds)
    }
    assert set(found) == set(numbers)
    for kind, same in found.items():
        assert same.tolist() == [number == kind for number in numbers]
