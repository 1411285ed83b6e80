"""Refreshes in the states where none is sent; the rest is in the scenarios of session timers."""

from signaling.calls.call import Purpose
from signaling.calls.refreshing import expire, refresh
from signaling.calls.states import State
from tests.harness.arena import Arena
from tests.signaling.alone import alone


def test_one_refresh_at_a_time(arena: Arena) -> None:
    mine, _ = arena.call()
    core, call = alone(arena.alice, mine)
    refresh(core, call)
    refresh(core, call)
    assert [(s.purpose, s.request.method) for s in call.sent.values()] == [
        (Purpose.REFRESH, "UPDATE")
    ]
    arena.alice.hang_up_all()


def test_a_call_that_is_over_is_left_alone(arena: Arena) -> None:
    mine, _ = arena.call()
    core, call = alone(arena.alice, mine)
    call.state = State.CLOSING
    refresh(core, call)
    expire(core, call)
    assert not call.sent
    assert not core.effects
    arena.alice.hang_up_all()
