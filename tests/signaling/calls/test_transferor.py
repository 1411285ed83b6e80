"""What we ask for; the whole of it is in tests/scenarios."""

from bus.transfers import CancelTransfer, Transfer
from signaling.calls.transfer import Cue
from signaling.calls.transferor import LATE, PARTING, TIMER, WHY
from tests.harness.arena import Arena
from tests.scenarios.transferring import TO_CAROL, Transferee


def test_the_timer_is_gone_with_the_transfer(arena: Arena) -> None:
    dave = Transferee(arena)
    call = arena.alice.state.calls[dave.mine]
    arena.alice.ask(Transfer(call=dave.mine, uri=TO_CAROL, timeout=30.0))
    assert arena.alice.state.calls[dave.mine].timers[TIMER] == arena.alice.now + 30.0
    arena.alice.ask(CancelTransfer(call=dave.mine))
    call = arena.alice.state.calls[dave.mine]
    assert (call.transfer, TIMER in call.timers) == (None, False)
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


def test_where_no_status_came_the_reason_is_in_words() -> None:
    assert {Cue.TIMEOUT, Cue.CANCEL, Cue.HUNG_UP, Cue.GONE, Cue.MUTE} <= set(WHY)
    assert not {Cue.REFUSED, Cue.FAILURE, Cue.NOT_HELD} & set(WHY)


def test_we_are_patient_for_as_long_as_a_lost_notify_takes_to_come_again() -> None:
    """Seconds: T1 and its double, at least."""
    assert LATE > 1.5
    assert PARTING > 1.5
