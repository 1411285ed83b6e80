"""Scenarios 18 and 19: we ask the peer to call somebody else."""

import pytest

from bus.calls import Ended, HangUp, Outcome
from bus.errors import BadRequestError, WrongStateError
from bus.holding import Hold, HoldChanged
from bus.transfers import CancelTransfer, Transfer, TransferEnded, TransferProgress
from signaling.sip.message import Header, first
from tests.harness.arena import ALICE, Arena
from tests.harness.network import GilbertElliott, drop, starts
from tests.scenarios.transferring import TO_CAROL, Transferee


def transfer(
    arena: Arena,
    dave: Transferee,
    *,
    timeout: float = 30.0,
    headers: tuple[Header, ...] = (),
    hold: bool = True,
) -> None:
    """Ask for a transfer to Carol."""
    asked = Transfer(call=dave.mine, uri=TO_CAROL, timeout=timeout, headers=headers, hold=hold)
    arena.alice.ask(asked)


def end(arena: Arena) -> TransferEnded:
    """Wait for the end of the transfer."""
    arena.network.run(until=lambda: bool(arena.alice.heard(TransferEnded)))
    (event,) = arena.alice.heard(TransferEnded)
    return event


def taken_back(arena: Arena, dave: Transferee) -> None:
    """See that the call goes on, unheld, and end it."""
    arena.network.run(seconds=5.0)
    assert dave.directions[-1:] == ["sendrecv"]
    assert arena.alice.heard(HoldChanged)[-1].local is False
    assert not arena.alice.heard(Ended)
    assert not dave.puppet.of("BYE")
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


def test_success(arena: Arena) -> None:
    dave = Transferee(arena)
    transfer(arena, dave, headers=(("X-Why", "lunch"),))
    refer = dave.asked()
    labels = arena.network.ladder.labels("alice")
    assert labels.index("ACK 2") < labels.index("REFER 3")
    assert dave.directions == ["sendonly"]
    assert first(refer, "Refer-To") == f"<{TO_CAROL}>"
    assert first(refer, "Referred-By") == f"<sip:offhook@{ALICE}:5060>"
    assert first(refer, "Contact")
    assert first(refer, "X-Why") == "lunch"
    for status, reason in ((100, "Trying"), (180, "Ringing")):
        assert dave.answer_to(dave.notify(status, reason)).status == 200
    assert dave.answer_to(dave.finish(200, "OK")).status == 200
    assert [e.status for e in arena.alice.heard(TransferProgress)] == [100, 180]
    event = end(arena)
    assert (event.ok, event.status, event.reason) == (True, 200, "OK")
    assert not dave.puppet.of("BYE")
    arena.network.run(seconds=3.0)
    assert len(dave.puppet.of("BYE")) == 1
    assert arena.alice.ended().outcome is Outcome.COMPLETED
    kinds = [type(event) for event in arena.alice.events]
    assert kinds.index(TransferEnded) < kinds.index(Ended)


def test_the_peer_hangs_up_in_the_end(arena: Arena) -> None:
    dave = Transferee(arena, refer=200)
    transfer(arena, dave)
    dave.asked()
    dave.answer_to(dave.finish(200, "OK"))
    dave.answer_to(dave.send(dave.request("BYE")))
    arena.network.run(seconds=5.0)
    assert end(arena).ok
    assert arena.alice.ended().by == "remote"
    assert not dave.puppet.of("BYE")


def test_the_target_is_busy(arena: Arena) -> None:
    dave = Transferee(arena)
    transfer(arena, dave)
    dave.asked()
    dave.notify(100, "Trying")
    dave.finish(486, "Busy Here")
    event = end(arena)
    assert (event.ok, event.status, event.reason) == (False, 486, "Busy Here")
    taken_back(arena, dave)


@pytest.mark.parametrize("status", [603, 405, 481, 401])
def test_refer_is_refused(arena: Arena, status: int) -> None:
    dave = Transferee(arena, refer=status)
    transfer(arena, dave)
    event = end(arena)
    assert (event.ok, event.status) == (False, status)
    taken_back(arena, dave)


def test_a_challenge_is_answered(arena: Arena) -> None:
    """The subscription is called by the REFER that is accepted, even before the 202."""
    dave = Transferee(arena, refer=401, user="alice")
    dave.refer_headers = [("WWW-Authenticate", 'Digest realm="r", nonce="n"')]
    transfer(arena, dave)
    dave.asked()
    dave.refer = 0
    arena.network.run(until=lambda: len(dave.puppet.of("REFER")) == 2)
    again = dave.puppet.of("REFER")[1]
    assert first(again, "Authorization")
    assert first(again, "Refer-To") == f"<{TO_CAROL}>"
    number = (first(again, "CSeq") or "").partition(" ")[0]
    assert dave.answer_to(dave.notify(180, "Ringing", event=f"refer;id={number}")).status == 200
    dave.puppet.answer(again, 202, tag="theirs")
    arena.network.run(seconds=0.1)
    notify = dave.notify(200, "OK", state="terminated", event=f"refer;id={number}")
    assert dave.answer_to(notify).status == 200
    assert end(arena).ok
    arena.network.run(seconds=3.0)


def test_nobody_answers_the_refer(arena: Arena) -> None:
    dave = Transferee(arena, refer=0)
    transfer(arena, dave, timeout=60.0)
    event = end(arena)
    assert (event.ok, event.status) == (False, 408)
    taken_back(arena, dave)


def test_nobody_tells_how_it_goes(arena: Arena) -> None:
    dave = Transferee(arena)
    before = arena.network.elapsed
    transfer(arena, dave, timeout=5.0)
    event = end(arena)
    assert (event.ok, event.status) == (False, 0)
    assert 5.0 <= arena.network.elapsed - before < 5.1
    taken_back(arena, dave)


def test_cancelled(arena: Arena) -> None:
    dave = Transferee(arena)
    transfer(arena, dave)
    dave.asked()
    dave.answer_to(dave.notify(180, "Ringing"))
    arena.alice.ask(CancelTransfer(call=dave.mine))
    assert (end(arena).ok, end(arena).status) == (False, 0)
    assert dave.answer_to(dave.finish(200, "OK")).status == 200
    taken_back(arena, dave)
    assert len(arena.alice.heard(TransferEnded)) == 1


def test_cancelled_while_the_peer_is_being_held(arena: Arena) -> None:
    dave = Transferee(arena)
    transfer(arena, dave)
    arena.alice.ask(CancelTransfer(call=dave.mine))
    assert not end(arena).ok
    arena.network.run(seconds=3.0)
    assert not dave.puppet.of("REFER")
    assert not arena.alice.state.calls[dave.mine].holding.local
    arena.alice.hang_up_all()


def test_hold_is_refused(arena: Arena) -> None:
    dave = Transferee(arena, hold=488)
    transfer(arena, dave)
    event = end(arena)
    assert (event.ok, event.status) == (False, 488)
    arena.network.run(seconds=3.0)
    assert not dave.puppet.of("REFER")
    assert not arena.alice.heard(Ended)
    arena.alice.hang_up_all()


def test_without_hold(arena: Arena) -> None:
    dave = Transferee(arena)
    transfer(arena, dave, hold=False)
    dave.asked()
    dave.finish(404, "Not Found")
    assert end(arena).status == 404
    arena.network.run(seconds=2.0)
    assert not dave.directions
    arena.alice.hang_up_all()


def test_what_was_held_before_stays_held(arena: Arena) -> None:
    dave = Transferee(arena)
    arena.alice.send(Hold(call=dave.mine))
    arena.network.run(seconds=1.0)
    transfer(arena, dave)
    dave.asked()
    dave.finish(486, "Busy Here")
    assert end(arena).status == 486
    arena.network.run(seconds=2.0)
    assert dave.directions == ["sendonly"]
    arena.alice.hang_up_all()


def test_a_notify_before_the_202(arena: Arena) -> None:
    dave = Transferee(arena, refer=0)
    transfer(arena, dave)
    refer = dave.asked()
    assert dave.answer_to(dave.notify(100, "Trying")).status == 200
    assert dave.answer_to(dave.finish(200, "OK")).status == 200
    dave.puppet.answer(refer, 202, tag="theirs")
    assert end(arena).ok
    arena.network.run(seconds=3.0)
    assert [e.status for e in arena.alice.heard(TransferProgress)] == [100]


@pytest.mark.parametrize(("status", "ok"), [(200, True), (486, False)])
def test_bye_overtakes_the_last_notify(arena: Arena, status: int, ok: bool) -> None:
    """The subscription outlives the call (RFC 5057): its last word still counts."""
    dave = Transferee(arena)
    transfer(arena, dave)
    dave.asked()
    dave.answer_to(dave.send(dave.request("BYE")))
    arena.network.run(seconds=1.0)
    assert not arena.alice.heard(Ended)
    assert dave.answer_to(dave.finish(status, "So")).status == 200
    assert (end(arena).ok, end(arena).status) == (ok, status)
    kinds = [type(event) for event in arena.alice.events]
    arena.network.run(seconds=1.0)
    assert Ended not in kinds[: kinds.index(TransferEnded)]
    assert arena.alice.ended().outcome is Outcome.COMPLETED


def test_bye_and_not_a_word(arena: Arena) -> None:
    dave = Transferee(arena)
    transfer(arena, dave)
    dave.asked()
    dave.answer_to(dave.send(dave.request("BYE")))
    event = end(arena)
    assert (event.ok, event.status) == (False, 0)
    arena.network.run(seconds=40.0)
    assert arena.alice.ended().by == "remote"
    assert dave.answer_to(dave.finish(200, "OK")).status == 481


def test_we_hang_up_in_the_middle_of_it(arena: Arena) -> None:
    dave = Transferee(arena)
    transfer(arena, dave)
    dave.asked()
    arena.alice.ask(HangUp(call=dave.mine))
    assert not end(arena).ok
    arena.network.run(seconds=1.0)
    assert arena.alice.ended().by == "local"


def test_no_subscription(arena: Arena) -> None:
    """RFC 4488: nothing will be notified, so the 202 is all there is to hear."""
    dave = Transferee(arena)
    dave.refer_headers = [("Refer-Sub", "false")]
    transfer(arena, dave, headers=(("Refer-Sub", "false"),))
    event = end(arena)
    assert (event.ok, event.status) == (True, 202)
    arena.network.run(seconds=3.0)
    assert len(dave.puppet.of("BYE")) == 1


def test_the_subscription_ends_without_a_word(arena: Arena) -> None:
    dave = Transferee(arena)
    transfer(arena, dave)
    dave.asked()
    dave.notify(100, "Trying", state="terminated;reason=giveup")
    event = end(arena)
    assert (event.ok, event.status) == (False, 0)
    taken_back(arena, dave)


@pytest.mark.parametrize(
    ("event", "status"), [("refer;id=77", 481), ("presence", 489), ("refer", 481)]
)
def test_a_notify_of_nothing_we_know(arena: Arena, event: str, status: int) -> None:
    dave = Transferee(arena)
    if event != "refer":
        transfer(arena, dave)
        dave.asked()
    assert dave.answer_to(dave.notify(200, "OK", event=event)).status == status
    assert not arena.alice.heard(TransferEnded)
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


def test_a_notify_outside_of_any_dialog(arena: Arena) -> None:
    dave = Transferee(arena)
    tag, dave.tag = dave.tag, ""
    assert dave.answer_to(dave.notify(200, "OK")).status == 481
    dave.tag = tag
    arena.alice.hang_up_all()


def test_a_second_transfer_after_the_first_failed(arena: Arena) -> None:
    """Its NOTIFYs are told apart by the id (RFC 3515 2.4.6)."""
    dave = Transferee(arena)
    transfer(arena, dave)
    with pytest.raises(WrongStateError):
        transfer(arena, dave)
    dave.asked()
    dave.finish(486, "Busy Here")
    arena.network.run(seconds=3.0)
    transfer(arena, dave)
    arena.network.run(until=lambda: len(dave.puppet.of("REFER")) == 2)
    number = (first(dave.puppet.of("REFER")[1], "CSeq") or "").partition(" ")[0]
    dave.answer_to(dave.notify(200, "OK", state="terminated", event=f"refer;id={number}"))
    arena.network.run(seconds=3.0)
    assert [(e.ok, e.status) for e in arena.alice.heard(TransferEnded)] == [
        (False, 486),
        (True, 200),
    ]


def test_what_cannot_be_asked_for(arena: Arena) -> None:
    dave = Transferee(arena)
    for wrong in (
        Transfer(call=dave.mine),
        Transfer(call=dave.mine, uri="nonsense"),
        Transfer(call=dave.mine, uri=TO_CAROL, other=dave.mine),
        Transfer(call=dave.mine, other=dave.mine),
        Transfer(call=dave.mine, uri=TO_CAROL, timeout=0.0),
        Transfer(call=dave.mine, uri=TO_CAROL, headers=(("Via", "x"),)),
    ):
        with pytest.raises(BadRequestError):
            arena.alice.ask(wrong)
    with pytest.raises(WrongStateError):
        arena.alice.ask(CancelTransfer(call=dave.mine))
    assert not dave.puppet.of("REFER")
    arena.alice.hang_up_all()


@pytest.mark.parametrize("lost", ["REFER", "SIP/2.0 202", "SIP/2.0 200"])
def test_one_loss(arena: Arena, lost: str) -> None:
    dave = Transferee(arena)
    for pair in (("alice", "dave"), ("dave", "alice")):
        arena.link(*pair).rules.append(drop(starts(lost.encode()), 1))
    transfer(arena, dave)
    dave.asked()
    arena.network.run(seconds=1.0)
    finish = dave.finish(200, "OK")
    dave.puppet.later(0.5, lambda: dave.send(finish))
    assert end(arena).ok
    arena.network.run(seconds=10.0)
    assert arena.alice.ended().outcome is Outcome.COMPLETED


@pytest.mark.parametrize("seed", range(6))
def test_over_lines_that_lose_and_reorder(arena: Arena, seed: int) -> None:
    """Whatever is lost: one end of the transfer, before the one end of the call."""
    dave = Transferee(arena)
    arena.network.chance.seed(seed)
    for pair in (("alice", "dave"), ("dave", "alice")):
        link = arena.link(*pair)
        link.jitter, link.duplicate, link.reorder = 0.3, 0.2, 0.2
        link.loss = GilbertElliott(0.1, 0.4)
    transfer(arena, dave)
    arena.network.run(seconds=5.0)
    finish = dave.finish(200 if seed % 2 else 486, "So")
    for copy in range(6):
        dave.puppet.later(0.5 * 2**copy, lambda: dave.send(finish))
    arena.network.run(seconds=60.0)
    assert len(arena.alice.heard(TransferEnded)) == 1
    arena.alice.hang_up_all()
    arena.network.run(seconds=60.0)
    assert len(arena.alice.heard(Ended)) == 1
    kinds = [type(event) for event in arena.alice.events]
    assert kinds.index(TransferEnded) < kinds.index(Ended)
