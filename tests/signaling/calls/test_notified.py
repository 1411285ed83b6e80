"""NOTIFYs in, and the answer to REFER; the whole of it is in tests/scenarios/test_transferor.py."""

from bus.transfers import Transfer, TransferEnded
from signaling.dialogs.subscription import Phase
from signaling.sip.message import first
from tests.harness.arena import Arena
from tests.scenarios.transferring import TO_CAROL, Transferee


def test_a_body_that_is_no_sipfrag(arena: Arena) -> None:
    dave = Transferee(arena)
    arena.alice.ask(Transfer(call=dave.mine, uri=TO_CAROL))
    dave.asked()
    notify = dave.request("NOTIFY", body=b"hello", headers=[("Event", "refer")])
    response = dave.answer_to(dave.send(notify))
    assert (response.status, first(response, "Accept")) == (415, "message/sipfrag")
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


def test_another_event(arena: Arena) -> None:
    dave = Transferee(arena)
    response = dave.answer_to(dave.notify(200, "OK", event="conference"))
    assert (response.status, first(response, "Allow-Events")) == (489, "refer")
    arena.alice.hang_up_all()


def test_subscriptions_that_are_over_are_let_go(arena: Arena) -> None:
    dave = Transferee(arena, hold=200)
    for number in range(3):
        arena.alice.ask(Transfer(call=dave.mine, uri=TO_CAROL, hold=False))
        arena.network.run(seconds=0.1)
        assert len(dave.puppet.of("REFER")) == number + 1
        dave.answer_to(dave.finish(486, "Busy Here"))
        arena.network.run(seconds=1.0)
    (last,) = arena.alice.state.calls[dave.mine].refers
    assert last.phase is Phase.OVER
    assert len(arena.alice.heard(TransferEnded)) == 3
    arena.alice.hang_up_all()
