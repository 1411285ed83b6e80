import re

import pytest

from bus import errors
from bus.errors import BY_CODE, OffhookError, RefusedError, refusal


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_a_code_and_its_exception_are_one(code: str) -> None:
    error = refusal(code, "why")
    assert type(error) is BY_CODE[code]
    assert (error.code, error.reason, str(error)) == (code, "why", "why")


def test_the_code_of_a_newer_engine_is_a_plain_refusal() -> None:
    error = refusal("out_of_cheese", "why")
    assert type(error) is RefusedError
    assert error.reason == "why"


def test_the_tree_at_the_top_is_the_tree() -> None:
    drawn = re.findall(r"(\w+Error)\s+([a-z_]+)\s{2,}", errors.__doc__ or "")
    assert dict(drawn) == {kind.__name__: code for code, kind in BY_CODE.items()}
    kinds = [each for each in vars(errors).values() if isinstance(each, type)]
    own = {kind.__name__ for kind in kinds if issubclass(kind, OffhookError)}
    assert own == set(re.findall(r"\b\w+Error\b", (errors.__doc__ or "").replace("``", "")))
