"""What a call is placed from, and what is refused before anything is sent."""

import pytest

from bus.errors import BadRequestError, NoCapacityError
from signaling.effects import DrainAsked
from tests.harness.arena import TO_BOB, Arena


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ring_timeout", 0.0),
        ("ring_timeout", float("nan")),
        ("codecs", ["GSM"]),
        ("headers", [["Via", "x"]]),
        ("from_uri", "nonsense"),
        ("from_display", "a\r\nb"),
    ],
)
def test_an_argument_that_is_wrong_is_named(arena: Arena, field: str, value: object) -> None:
    with pytest.raises(BadRequestError, match=field):
        arena.alice.dial(TO_BOB, **{field: value})
    assert not arena.alice.state.calls


def test_no_call_is_placed_while_we_drain(arena: Arena) -> None:
    arena.alice.feed(DrainAsked(60.0, "closing down"))
    with pytest.raises(NoCapacityError, match="closing down"):
        arena.alice.dial(TO_BOB)
    assert not arena.alice.state.calls
