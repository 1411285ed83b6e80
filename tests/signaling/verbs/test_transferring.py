"""Commands of transfers: what is looked at before they are applied."""

import pytest

from bus.errors import BadRequestError, NotFoundError, WrongStateError
from bus.ids import CallId
from bus.transfers import AcceptTransfer, DeclineTransfer, Transfer, TransferAsked
from signaling.sip.message import every, first
from tests.harness.arena import TO_BOB, TO_CAROL, Arena
from tests.scenarios.transferring import TO_ALICE, Transferor, answers


def test_of_a_call_that_is_not_up_or_not_there(arena: Arena) -> None:
    mine = arena.alice.dial(TO_BOB)
    with pytest.raises(WrongStateError):
        arena.alice.ask(Transfer(call=mine, uri=TO_CAROL))
    with pytest.raises(NotFoundError):
        arena.alice.ask(Transfer(call=CallId("none"), uri=TO_CAROL))
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


def test_to_a_call_that_is_only_being_offered(arena: Arena) -> None:
    """Nobody has picked up, so there is nobody to be transferred to."""
    _, theirs = arena.call()
    arena.bob.reactions.clear()
    arena.alice.dial(TO_BOB)
    arena.network.run(seconds=0.5)
    offered = next(c.id for c in arena.bob.state.calls.values() if c.id != theirs)
    with pytest.raises(WrongStateError):
        arena.bob.ask(Transfer(call=theirs, other=offered))
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


def test_two_transfers_share_no_call(arena: Arena) -> None:
    first_call, _ = arena.call()
    second, _ = arena.call()
    third, _ = arena.call()
    arena.alice.ask(Transfer(call=first_call, other=second))
    for wrong in (
        Transfer(call=second, uri=TO_CAROL),
        Transfer(call=third, other=second),
        Transfer(call=third, other=first_call),
        Transfer(call=first_call, other=third),
    ):
        with pytest.raises(WrongStateError):
            arena.alice.ask(wrong)
    arena.network.run(seconds=1.0)
    arena.alice.hang_up_all()
    arena.network.run(seconds=40.0)


def test_a_decision_names_a_transfer_that_waits_for_one(arena: Arena) -> None:
    with pytest.raises(NotFoundError):
        arena.bob.ask(AcceptTransfer(transfer="none"))
    with pytest.raises(NotFoundError):
        arena.bob.ask(DeclineTransfer(transfer="none"))
    with pytest.raises(BadRequestError):
        arena.bob.ask(DeclineTransfer(transfer="none", status=200))
    with pytest.raises(BadRequestError):
        arena.bob.ask(DeclineTransfer(transfer="none", reason="a\r\nb"))


def test_a_wrong_acceptance_leaves_it_open(arena: Arena) -> None:
    dave = Transferor(arena)
    answers(arena.alice)
    dave.refer()
    arena.network.run(until=lambda: bool(arena.bob.heard(TransferAsked)))
    name = arena.bob.heard(TransferAsked)[0].transfer
    for wrong in (
        AcceptTransfer(transfer=name, any_domain=True, uri="tel:+49"),
        AcceptTransfer(transfer=name, any_domain=True, headers=(("Via", "x"),)),
        AcceptTransfer(transfer=name, any_domain=True, ring_timeout=0.0),
    ):
        with pytest.raises(BadRequestError):
            arena.bob.ask(wrong)
    assert not dave.finals("REFER")
    said = (("Referred-By", "<sip:us@example.com>"), ("Subject", "ours"))
    arena.bob.ask(AcceptTransfer(transfer=name, any_domain=True, headers=said))
    arena.network.run(seconds=1.0)
    (invite,) = arena.alice.requests("INVITE")
    assert every(invite, "Referred-By") == ["<sip:us@example.com>"]
    assert first(invite, "Subject") == "ours"
    assert invite.uri == TO_ALICE
    dave.bye()
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)
