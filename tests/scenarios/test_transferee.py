"""Scenario 20: somebody asks us to call somebody else."""

import pytest

from bus.calls import Answered, Ended, HangUp, IncomingCall, Outcome, Ring
from bus.errors import ForbiddenError, NotFoundError
from bus.settings import Settings, SipSettings
from bus.transfers import AcceptTransfer, DeclineTransfer, TransferAsked
from signaling.sip.message import first
from tests.harness.arena import ALICE, BOB, Arena
from tests.harness.network import GilbertElliott
from tests.harness.puppet import Caller
from tests.scenarios.transferring import (
    DAVE,
    TO_ALICE,
    Transferor,
    accepts,
    answers,
    refuses,
    statuses,
)

REFERRED_BY = ("Referred-By", f"<sip:dave@{DAVE}>")


def asked(arena: Arena) -> TransferAsked:
    """Return the only request for a transfer that Bob's owner has heard."""
    arena.network.run(until=lambda: bool(arena.bob.heard(TransferAsked)))
    (event,) = arena.bob.heard(TransferAsked)
    return event


def test_accepted_and_answered(arena: Arena) -> None:
    dave = Transferor(arena)
    answers(arena.alice)
    accepts(arena.bob)
    response = dave.refer_answered(REFERRED_BY)
    assert response.status == 202
    assert first(response, "Contact")
    event = asked(arena)
    assert (event.call, event.uri, event.replaces) == (dave.call, TO_ALICE, False)
    assert event.referred_by == REFERRED_BY[1]
    arena.network.run(until=lambda: len(arena.bob.heard(Answered)) == 2)
    arena.network.run(seconds=0.5)
    assert dave.notified() == [
        ("refer", "active", b"SIP/2.0 100 Trying\r\n"),
        ("refer", "terminated;reason=noresource", b"SIP/2.0 200 OK\r\n"),
    ]
    (invite,) = arena.alice.requests("INVITE")
    assert REFERRED_BY in invite.headers
    assert not arena.bob.heard(Ended)
    dave.bye()
    arena.network.run(seconds=1.0)
    (ended,) = arena.bob.heard(Ended)
    assert (ended.call, ended.outcome) == (dave.call, Outcome.COMPLETED)
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


def test_what_a_refer_to_smuggles_does_not_reach_the_invite(arena: Arena) -> None:
    dave = Transferor(arena)
    answers(arena.alice)
    accepts(arena.bob)
    smuggled = "?X-%20a=1&X-a%3A%20b=2&X-Fine=3&Route=%3Csip%3Ax%3E&Contact=%3Csip%3Ax%3E"
    assert dave.refer_answered(to=f"<{TO_ALICE}{smuggled}>").status == 202
    arena.network.run(until=lambda: len(arena.bob.heard(Answered)) == 2)
    (invite,) = arena.alice.requests("INVITE")
    assert [header for header in invite.headers if header[0].startswith("X-")] == [("X-Fine", "3")]
    assert first(invite, "Route") is None
    dave.bye()
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


def test_the_old_call_is_ended_by_us_if_nobody_else_does(arena: Arena) -> None:
    dave = Transferor(arena)
    answers(arena.alice)
    accepts(arena.bob)
    dave.refer()
    arena.network.run(seconds=3.0)
    assert not arena.bob.heard(Ended)
    arena.network.run(seconds=3.0)
    assert len(dave.puppet.of("BYE")) == 1
    (ended,) = arena.bob.heard(Ended)
    assert ended.call == dave.call
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


def test_the_old_call_goes_on_if_the_new_one_fails(arena: Arena) -> None:
    dave = Transferor(arena)
    arena.puppet("erin", "192.0.2.5", refuses(486))
    accepts(arena.bob)
    assert dave.refer_answered(to="<sip:erin@192.0.2.5>").status == 202
    arena.network.run(seconds=10.0)
    assert statuses(dave.notified()) == ["active 100", "terminated;reason=noresource 486"]
    (ended,) = arena.bob.heard(Ended)
    assert (ended.outcome, ended.call != dave.call) == (Outcome.BUSY, True)
    assert not dave.puppet.of("BYE")
    dave.bye()
    arena.network.run(seconds=1.0)


def test_ringing_is_notified_and_a_hang_up_too(arena: Arena) -> None:
    dave = Transferor(arena)
    arena.alice.react(IncomingCall, lambda event: arena.alice.send(Ring(call=event.call)))
    accepts(arena.bob)
    dave.refer()
    arena.network.run(until=lambda: len(dave.notified()) == 2)
    new = next(c for c in arena.bob.state.calls.values() if c.out)
    arena.bob.ask(HangUp(call=new.id))
    arena.network.run(seconds=2.0)
    assert statuses(dave.notified()) == [
        "active 100",
        "active 180",
        "terminated;reason=noresource 487",
    ]
    dave.bye()


def test_a_target_that_is_not_there_is_notified(arena: Arena) -> None:
    dave = Transferor(arena)
    accepts(arena.bob)
    dave.refer(to="<sip:x@no.such.host>")
    arena.network.run(seconds=2.0)
    assert statuses(dave.notified()) == ["active 100", "terminated;reason=noresource 503"]
    dave.bye()


@pytest.mark.parametrize(("status", "reason"), [(603, ""), (486, "Not now")])
def test_declined(arena: Arena, status: int, reason: str) -> None:
    dave = Transferor(arena)
    arena.bob.react(
        TransferAsked,
        lambda e: arena.bob.send(
            DeclineTransfer(transfer=e.transfer, status=status, reason=reason)
        ),
    )
    response = dave.refer_answered()
    assert response.status == status
    assert response.reason == (reason or "Decline")
    assert not dave.notified()
    with pytest.raises(NotFoundError):
        arena.bob.ask(AcceptTransfer(transfer=asked(arena).transfer))
    dave.bye()
    arena.network.run(seconds=1.0)


def test_nobody_decides(arena: Arena) -> None:
    dave = Transferor(arena)
    assert dave.refer_answered().status == 480
    assert arena.network.elapsed < 32.0
    dave.bye()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 400),
        ([("Refer-To", f"<{TO_ALICE}>"), ("Refer-To", f"<{TO_ALICE}>")], 400),
        ([("Refer-To", f"<{TO_ALICE}>, <{TO_ALICE}>")], 400),
        ([("Refer-To", "nonsense")], 400),
        ([("Refer-To", "<mailto:alice@example.com>")], 416),
        ([("Refer-To", f"<{TO_ALICE};method=BYE>")], 501),
        ([("Refer-To", f"<{TO_ALICE}?Replaces=x>")], 400),
        ([("Refer-To", f"<{TO_ALICE}>"), ("Require", "nonsense")], 420),
    ],
)
def test_a_refer_that_cannot_be_done(
    arena: Arena, headers: list[tuple[str, str]], status: int
) -> None:
    dave = Transferor(arena)
    response = dave.answer_to(dave.send(dave.request("REFER", headers=headers)))
    assert response.status == status
    assert not arena.bob.heard(TransferAsked)
    dave.bye()


def test_a_second_refer_waits_and_a_third_has_an_id(arena: Arena) -> None:
    dave = Transferor(arena)
    dave.refer()
    first_asked = asked(arena)
    assert dave.refer_answered().status == 491
    arena.bob.ask(DeclineTransfer(transfer=first_asked.transfer))
    accepts(arena.bob)
    answers(arena.alice)
    refer = dave.refer()
    assert dave.answer_to(refer).status == 202
    arena.network.run(seconds=1.0)
    number = (first(refer, "CSeq") or "").split(" ")[0]
    assert {event for event, _, _ in dave.notified()} == {f"refer;id={number}"}
    dave.bye()
    arena.bob.hang_up_all()


def test_no_subscription_is_wanted(arena: Arena) -> None:
    """RFC 4488: the 202 says so, and nothing is notified."""
    dave = Transferor(arena)
    answers(arena.alice)
    accepts(arena.bob)
    response = dave.refer_answered(("Refer-Sub", "false"), ("Require", "norefersub"))
    assert (response.status, first(response, "Refer-Sub")) == (202, "false")
    arena.network.run(seconds=6.0)
    assert not dave.notified()
    assert len(dave.puppet.of("BYE")) == 1
    arena.bob.hang_up_all()


def test_another_domain_needs_a_word(arena: Arena) -> None:
    """Toll fraud: whoever asks spends our money."""
    dave = Transferor(arena)
    answers(arena.alice)
    dave.refer()
    transfer = asked(arena).transfer
    with pytest.raises(ForbiddenError, match=ALICE):
        arena.bob.ask(AcceptTransfer(transfer=transfer))
    assert not arena.alice.requests("INVITE")
    arena.bob.ask(AcceptTransfer(transfer=transfer, any_domain=True))
    arena.network.run(seconds=1.0)
    assert len(arena.alice.requests("INVITE")) == 1
    dave.bye()
    arena.bob.hang_up_all()


def test_in_the_same_domain_it_needs_none(arena: Arena) -> None:
    dave = Transferor(arena)
    accepts(arena.bob, any_domain=False)
    assert dave.refer_answered(to=f"<sip:erin@{DAVE}:5070>").status == 202
    dave.bye()
    arena.bob.hang_up_all()


def test_the_owner_may_choose_another_target(arena: Arena) -> None:
    dave = Transferor(arena)
    answers(arena.alice)
    dave.refer(to="<sip:somebody@elsewhere.example?Replaces=1%3Bto-tag%3D2%3Bfrom-tag%3D3>")
    event = asked(arena)
    assert event.replaces
    arena.bob.ask(AcceptTransfer(transfer=event.transfer, uri=TO_ALICE, any_domain=True))
    arena.network.run(seconds=1.0)
    (invite,) = arena.alice.requests("INVITE")
    assert first(invite, "Replaces") is None
    dave.bye()
    arena.bob.hang_up_all()


def test_what_the_invite_carries(arena: Arena) -> None:
    """Replaces unescaped, harmless fields, and nothing that steers our own request."""
    dave = Transferor(arena)
    erin = arena.puppet("erin", "192.0.2.5", refuses(481))
    accepts(arena.bob)
    carried = "Replaces=7%40h%3Bto-tag%3Da%3Bfrom-tag%3Db&Subject=hi&Route=%3Csip%3Aevil%3Blr%3E"
    dave.refer(REFERRED_BY, to=f"<sip:erin@192.0.2.5?{carried}&From=%3Csip%3Aevil%3E>")
    arena.network.run(seconds=1.0)
    (invite,) = erin.of("INVITE")
    assert first(invite, "Replaces") == "7@h;to-tag=a;from-tag=b"
    assert first(invite, "Subject") == "hi"
    assert REFERRED_BY in invite.headers
    assert first(invite, "Route") is None
    assert (first(invite, "From") or "").startswith("<sip:bob@")
    assert statuses(dave.notified())[-1].endswith("481")
    dave.bye()


def test_who_asked_hangs_up_at_once(arena: Arena) -> None:
    """The subscription outlives the BYE (RFC 5057): the rest is notified all the same."""
    dave = Transferor(arena)
    answers(arena.alice, after=3.0)
    accepts(arena.bob)
    dave.refer()
    arena.network.run(until=lambda: len(dave.notified()) == 1)
    dave.bye()
    arena.network.run(until=lambda: len(arena.bob.heard(Answered)) == 2)
    arena.network.run(seconds=1.0)
    assert statuses(dave.notified()) == ["active 100", "terminated;reason=noresource 200"]
    assert [event.call for event in arena.bob.heard(Ended)] == [dave.call]
    arena.bob.hang_up_all()


def test_who_asked_hangs_up_before_the_decision(arena: Arena) -> None:
    dave = Transferor(arena)
    refer = dave.refer()
    transfer = asked(arena).transfer
    dave.bye()
    assert dave.answer_to(refer).status == 481
    with pytest.raises(NotFoundError):
        arena.bob.ask(AcceptTransfer(transfer=transfer, any_domain=True))


def test_who_asked_does_not_want_to_know(arena: Arena) -> None:
    """A NOTIFY answered 481 ends the subscription, not the call (RFC 6665 4.2.2)."""
    dave = Transferor(arena)
    dave.notify_status = 481
    answers(arena.alice, after=1.0)
    accepts(arena.bob)
    dave.refer()
    arena.network.run(until=lambda: len(arena.bob.heard(Answered)) == 2)
    arena.network.run(seconds=6.0)
    assert statuses(dave.notified()) == ["active 100"]
    assert len(dave.puppet.of("BYE")) == 1
    arena.bob.hang_up_all()


def test_a_chain_of_transfers_ends(arena: Arena) -> None:
    arena.bob = arena.station("bob", BOB, settings=Settings(sip=SipSettings(max_transfers=0)))
    dave = Transferor(arena)
    assert dave.refer_answered().status == 403
    assert not arena.bob.heard(TransferAsked)
    dave.bye()


def test_a_refer_of_no_call_of_ours(arena: Arena) -> None:
    dave = Transferor(arena)
    stranger = Caller(dave.puppet, BOB, call_id="another")
    stranger.tag = "guessed"
    stranger.send(stranger.request("REFER", headers=[("Refer-To", f"<{TO_ALICE}>")]))
    arena.network.run(seconds=1.0)
    assert dave.finals("REFER")[-1].status == 481
    dave.bye()


@pytest.mark.parametrize("seed", range(6))
def test_over_lines_that_lose_and_reorder(arena: Arena, seed: int) -> None:
    """Whatever is lost: one new call, one last NOTIFY, one end for each call."""
    dave = Transferor(arena)
    arena.network.chance.seed(seed)
    for pair in (("bob", "dave"), ("dave", "bob"), ("bob", "alice"), ("alice", "bob")):
        link = arena.link(*pair)
        link.jitter, link.duplicate, link.reorder = 0.3, 0.2, 0.2
        link.loss = GilbertElliott(0.1, 0.4)
    answers(arena.alice)
    accepts(arena.bob)
    refer = dave.refer()
    for copy in range(1, 8):
        dave.puppet.later(0.5 * 2**copy, lambda: dave.send(refer))
    arena.network.run(seconds=60.0)
    assert len(arena.bob.heard(TransferAsked)) <= 1
    last = [state for _, state, _ in dave.notified() if state.startswith("terminated")]
    assert len(last) <= 1
    arena.bob.hang_up_all()
    arena.network.run(seconds=60.0)
    ends = [event.call for event in arena.bob.heard(Ended)]
    assert len(ends) == len(set(ends)) == arena.bob.state.calls_total
