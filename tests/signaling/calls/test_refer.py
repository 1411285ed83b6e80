"""REFER as it comes in; the whole of it is in tests/scenarios/test_transferee.py."""

from bus.transfers import AcceptTransfer, DeclineTransfer, Transfer, TransferAsked
from signaling.calls.referral import Turn
from tests.harness.arena import Arena
from tests.scenarios.transferring import DAVE, TO_CAROL, Transferor


def test_a_referral_is_kept_until_it_is_decided(arena: Arena) -> None:
    dave = Transferor(arena)
    dave.refer(("Referred-By", f"<sip:dave@{DAVE}>"))
    arena.network.run(until=lambda: bool(arena.bob.heard(TransferAsked)))
    ((name, referral),) = arena.bob.state.referrals.items()
    assert (referral.id, referral.call, referral.turn) == (name, dave.call, Turn.ASKED)
    assert set(referral.domains) == {DAVE}
    assert arena.bob.state.calls[dave.call].referral == name
    arena.bob.ask(DeclineTransfer(transfer=name))
    assert not arena.bob.state.referrals
    assert not arena.bob.state.calls[dave.call].referral
    dave.bye()


def test_refers_that_cross(arena: Arena) -> None:
    """While we ask the peer for a transfer it cannot ask us for one."""
    dave = Transferor(arena)
    arena.bob.send(Transfer(call=dave.call, uri=TO_CAROL, hold=False))
    assert dave.refer_answered().status == 491
    dave.bye()
    arena.network.run(seconds=40.0)


def test_the_contact_of_a_refer_is_where_we_send_to(arena: Arena) -> None:
    """REFER refreshes the target of its dialog once it is accepted (RFC 3515 2.4)."""
    dave = Transferor(arena)
    before = arena.bob.state.calls[dave.call].dialog
    assert before is not None
    target = before.remote_target
    refer = dave.request("REFER", headers=[("Refer-To", f"<sip:erin@{DAVE}>")])
    contact = ("Contact", f"<sip:moved@{DAVE}:5060>")
    refer.headers[:] = [contact if header[0] == "Contact" else header for header in refer.headers]
    dave.send(refer)
    arena.network.run(until=lambda: bool(arena.bob.heard(TransferAsked)))
    dialog = arena.bob.state.calls[dave.call].dialog
    assert dialog is not None
    assert dialog.remote_target == target
    (referral,) = arena.bob.state.referrals.values()
    arena.bob.ask(AcceptTransfer(transfer=referral.id))
    dialog = arena.bob.state.calls[dave.call].dialog
    assert dialog is not None
    assert dialog.remote_target == f"sip:moved@{DAVE}:5060"
    arena.network.run(seconds=1.0)
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)
