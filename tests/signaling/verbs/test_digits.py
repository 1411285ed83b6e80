import pytest

from bus.calls import SendDigits
from bus.errors import BadRequestError, NotFoundError, WrongStateError
from bus.ids import CallId
from tests.harness.arena import TO_BOB, Arena


@pytest.mark.parametrize(
    ("field", "command"),
    [
        ("digits", SendDigits(call=CallId(""), digits="")),
        ("digits", SendDigits(call=CallId(""), digits="12x")),
        ("method", SendDigits(call=CallId(""), digits="1", method="smoke")),
        ("duration_ms", SendDigits(call=CallId(""), digits="1", duration_ms=-1)),
        ("duration_ms", SendDigits(call=CallId(""), digits="1", duration_ms=10_001)),
        ("gap_ms", SendDigits(call=CallId(""), digits="1", gap_ms=-1)),
    ],
)
def test_digits_that_cannot_be_are_refused(arena: Arena, field: str, command: SendDigits) -> None:
    mine, _ = arena.call()
    there = SendDigits(
        call=mine,
        digits=command.digits,
        duration_ms=command.duration_ms,
        gap_ms=command.gap_ms,
        method=command.method,
    )
    with pytest.raises(BadRequestError, match=field):
        arena.alice.ask(there)
    assert not arena.alice.worker.open_streams[0].digits
    arena.alice.hang_up_all()


def test_there_must_be_a_call_and_it_must_be_up(arena: Arena) -> None:
    with pytest.raises(NotFoundError):
        arena.alice.ask(SendDigits(call=CallId("x"), digits="1"))
    call = arena.alice.dial(TO_BOB)
    with pytest.raises(WrongStateError):
        arena.alice.ask(SendDigits(call=call, digits="1"))
    arena.alice.hang_up_all()
