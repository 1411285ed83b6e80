"""What is due when: the pure part is in ``tests/signaling/dialogs/test_session_timer.py``."""

import pytest

from signaling.calls.session import EXPIRY, REFRESH, begin_session, raise_session
from signaling.dialogs.session_timer import SessionTimer
from signaling.sip.message import Response
from tests.harness.arena import Arena
from tests.signaling.alone import alone


@pytest.mark.parametrize(
    ("session", "due"),
    [
        (SessionTimer(), {REFRESH: 900.0}),
        (SessionTimer(interval=90, ours=True, mutual=True), {REFRESH: 45.0, EXPIRY: 60.0}),
        (SessionTimer(interval=90, ours=False, mutual=True), {EXPIRY: 60.0}),
        (SessionTimer(interval=90, ours=True, mutual=False), {REFRESH: 45.0}),
    ],
)
def test_what_is_due(arena: Arena, session: SessionTimer, due: dict[str, float]) -> None:
    mine, _ = arena.call()
    core, call = alone(arena.alice, mine)
    call.session = session
    begin_session(core, call)
    assert {name: at - core.now for name, at in call.timers.items()} == pytest.approx(due)
    arena.alice.hang_up_all()


@pytest.mark.parametrize(("status", "more"), [(422, True), (500, False)])
def test_only_a_422_asks_for_more(arena: Arena, status: int, more: bool) -> None:
    mine, _ = arena.call()
    core, call = alone(arena.alice, mine)
    response = Response(status=status, reason="", headers=[("Min-SE", "9999")], body=b"")
    assert raise_session(core, call, response) == more
    assert not raise_session(core, call, None)
    assert call.session.floor == (9999 if more else 0)
    arena.alice.hang_up_all()
