"""Standing at forks; what a peer sees of it is in tests/scenarios/test_forks.py."""

from signaling.calls.call import Call
from signaling.calls.forks import BASE, return_to
from tests.harness.arena import CAROL, TO_CAROL, Arena
from tests.harness.network import Path
from tests.harness.puppet import Puppet
from tests.signaling.sdp.bodies import audio


def two_forks(arena: Arena) -> Call:
    """Let Alice hear of two early dialogs; she stands at the second."""

    def handler(puppet: Puppet, request: object, _: Path) -> None:
        (invite,) = puppet.of("INVITE")
        if len(puppet.requests) == 1:
            puppet.answer(invite, 183, tag="one", body=audio("0", address=CAROL, port=40000))
            puppet.answer(invite, 180, tag="two")
            puppet.later(0.5, lambda: puppet.answer(invite, 486, tag="two"))

    arena.puppet("carol", CAROL, handler)
    mine = arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=0.3)
    return arena.alice.state.calls[mine]


def test_a_call_stands_at_one_fork_and_keeps_the_others(arena: Arena) -> None:
    call = two_forks(arena)
    assert call.dialog is not None
    assert call.dialog.remote_tag == "two"
    assert call.agreed is None
    assert set(call.forks) == {BASE, "one"}
    assert return_to(call, "one")
    assert call.agreed is not None
    assert set(call.forks) == {BASE, "two"}
    assert not return_to(call, "three")
    assert call.dialog.remote_tag == "one"


def test_nothing_is_left_of_forks_when_the_invite_fails(arena: Arena) -> None:
    call = two_forks(arena)
    assert len(arena.alice.state.by_dialog) == 2
    arena.network.run(seconds=1.0)
    assert call.dialog is None
    assert not call.forks
    assert not arena.alice.state.by_dialog
