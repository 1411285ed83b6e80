"""Several answers become one."""

import pytest

from bus.body import Body
from bus.calls import Ok
from bus.errors import BadSourceError, NoCapacityError, RefusedError
from mediaworker.seats import Together, answered, attempt


def test_together_tells_once_and_the_first_error() -> None:
    told: list[RefusedError | None] = []
    first, second = BadSourceError("first"), NoCapacityError("second")
    three = Together(3, told.append)
    three.part(None)
    three.part(first)
    assert not told
    three.part(second)
    assert told == [first]


def test_together_without_an_error() -> None:
    told: list[RefusedError | None] = []
    two = Together(2, told.append)
    two.part(None)
    two.part(None)
    assert told == [None]


def test_answered() -> None:
    answers: list[Body | RefusedError] = []
    error = BadSourceError("why")
    answered(answers.append)(None)
    answered(answers.append)(error)
    assert answers == [Ok(), error]


def test_attempt_tells_of_a_refusal_and_keeps_no_frames() -> None:
    told: list[RefusedError | None] = []

    def refuse() -> None:
        raise BadSourceError("why")

    attempt(refuse, told.append)
    assert isinstance(told[0], BadSourceError)
    assert told[0].__traceback__ is None
    with pytest.raises(StopIteration):
        attempt(lambda: next(iter(())), told.append)
