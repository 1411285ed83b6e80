"""What we are asked for; the whole of it is in tests/scenarios."""

from bus.calls import Outcome
from signaling.calls.transferee import DECISION, STATUS_OF
from tests.harness.arena import Arena
from tests.scenarios.transferring import Transferor, accepts, answers


def test_the_old_call_is_remembered_until_the_last_notify_is_answered(arena: Arena) -> None:
    dave = Transferor(arena)
    accepts(arena.bob)
    answers(arena.alice, after=20.0)
    dave.refer()
    arena.network.run(until=lambda: len(dave.notified()) == 1)
    dave.bye()
    arena.network.run(seconds=10.0)
    assert arena.bob.state.calls[dave.call].told
    assert [info.call for info in arena.bob.state.live_calls()] != [dave.call]
    arena.network.run(seconds=15.0)
    assert dave.call not in arena.bob.state.calls
    assert not arena.bob.state.referrals
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


def test_the_decision_comes_before_the_peer_gives_up() -> None:
    """Seconds: a REFER over UDP is given up after 64*T1 (RFC 3261 17.1.2)."""
    assert DECISION < 32.0


def test_every_way_to_fail_has_a_status() -> None:
    for outcome in set(Outcome) - set(STATUS_OF):
        assert outcome in (
            *(Outcome.COMPLETED, Outcome.BUSY, Outcome.REJECTED, Outcome.FAILED),
            Outcome.REDIRECTED,
        )
