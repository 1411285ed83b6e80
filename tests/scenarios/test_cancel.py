"""Scenarios 6, 7 and 8: giving up, from either side, with all its races."""

import pytest

from bus.calls import Answer, Answered, Dial, Ended, HangUp, IncomingCall, Outcome, Ring
from bus.errors import NotFoundError, WrongStateError
from signaling.sip.message import Request, first
from signaling.sip.parse import parse_message
from tests.harness.arena import TO_BOB, TO_CAROL, Arena
from tests.harness.network import delay, drop, starts


def ringing(arena: Arena, **options: object) -> str:
    """Alice calls, Bob rings and does nothing else."""
    arena.bob.react(IncomingCall, lambda event: arena.bob.send(Ring(call=event.call)))
    call = arena.alice.dial(TO_BOB, **options)
    arena.network.run(until=lambda: bool(arena.alice.events))
    return call


def same_branch(arena: Arena) -> bool:
    """Whether CANCEL and ACK name the INVITE's transaction (RFC 3261 9.1, 17.1.1.3)."""
    rungs = arena.network.ladder.rungs
    messages = [parse_message(r.datagram) for r in rungs if r.source == "alice"]
    requests = [m for m in messages if isinstance(m, Request) and m.method != "BYE"]
    vias = {first(request, "Via") for request in requests}
    sequences = {(first(request, "CSeq") or "").split()[0] for request in requests}
    return len(vias) == len(sequences) == 1


def test_the_caller_gives_up_while_it_rings(arena: Arena) -> None:
    ringing(arena)
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    assert arena.network.ladder.labels()[3:] == [
        "CANCEL 1",
        "200 CANCEL 1",
        "487 INVITE 1",
        "ACK 1",
    ]
    assert same_branch(arena)
    for station, by in ((arena.alice, "local"), (arena.bob, "remote")):
        assert (station.ended().outcome, station.ended().by) == (Outcome.CANCELLED, by)


def test_cancel_waits_for_a_provisional(arena: Arena) -> None:
    arena.link("bob", "alice").rules.append(delay(starts(b"SIP/2.0 100"), 2.0))
    arena.bob_answers(ring=3.0, after=60.0)
    arena.alice.dial(TO_BOB)
    arena.network.run(seconds=0.5)
    arena.alice.hang_up_all()
    arena.network.run(seconds=10.0)
    (cancel,) = arena.network.ladder.times("CANCEL")
    assert 2.0 < cancel < 2.1
    assert arena.alice.ended().outcome is Outcome.CANCELLED
    assert arena.bob.ended().outcome is Outcome.CANCELLED


def test_a_peer_that_says_nothing_is_never_sent_a_cancel(arena: Arena) -> None:
    arena.puppet("carol", "192.0.2.3")
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=1.0)
    arena.alice.hang_up_all()
    arena.network.run(seconds=40.0)
    assert set(arena.network.ladder.labels()) == {"INVITE 1 (sendrecv)"}
    assert arena.alice.ended().outcome is Outcome.CANCELLED


def test_cancel_crosses_the_200(arena: Arena) -> None:
    arena.bob_answers(ring=0.1, after=1.0)
    arena.alice.dial(TO_BOB)
    arena.network.run(until=lambda: bool(arena.network.ladder.times("200 INVITE")))
    arena.alice.hang_up_all()
    arena.network.run(seconds=2.0)
    labels = arena.network.ladder.labels("alice")
    assert labels == ["INVITE 1 (sendrecv)", "CANCEL 1", "ACK 1", "BYE 2"]
    assert "200 CANCEL 1" in arena.network.ladder.labels("bob")
    assert arena.alice.ended().outcome is Outcome.CANCELLED
    assert not arena.alice.heard(Answered)
    assert arena.bob.ended().outcome is Outcome.COMPLETED


def test_cancel_is_lost_and_sent_again(arena: Arena) -> None:
    ringing(arena)
    arena.link("alice", "bob").rules.append(drop(starts(b"CANCEL"), 1))
    arena.alice.hang_up_all()
    arena.network.run(seconds=2.0)
    assert len(arena.network.ladder.times("CANCEL")) == 2
    assert arena.bob.ended().outcome is Outcome.CANCELLED


def test_the_487_and_its_ack_are_lost(arena: Arena) -> None:
    ringing(arena)
    arena.link("bob", "alice").rules.append(drop(starts(b"SIP/2.0 487"), 1))
    arena.link("alice", "bob").rules.append(drop(starts(b"ACK"), 1))
    arena.alice.hang_up_all()
    arena.network.run(seconds=10.0)
    assert len(arena.network.ladder.times("487")) == 3
    assert len(arena.network.ladder.times("ACK")) == 2
    assert len(arena.alice.heard(Ended)) == 1


def test_no_487_ever_comes(arena: Arena) -> None:
    """RFC 3261 9.1: after 64*T1 the client considers the INVITE cancelled."""
    arena.puppet(
        "carol",
        "192.0.2.3",
        lambda carol, request, _: (
            carol.answer(request, 180) if request.method == "INVITE" else carol.answer(request, 200)
        ),
    )
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=1.0)
    arena.alice.hang_up_all()
    arena.network.run(seconds=40.0)
    assert len(arena.network.ladder.times("CANCEL")) == 1
    assert arena.alice.is_idle()


def test_the_owner_answers_a_call_that_was_cancelled(arena: Arena) -> None:
    ringing(arena)
    arena.alice.hang_up_all()
    arena.network.run(seconds=0.015)
    (incoming,) = arena.bob.heard(IncomingCall)
    assert arena.bob.ended().outcome is Outcome.CANCELLED
    with pytest.raises(NotFoundError):
        arena.bob.ask(Answer(call=incoming.call))
    arena.network.run(seconds=1.0)
    assert not arena.bob.worker.streams


def test_a_cancel_overtakes_the_opening_of_the_stream(arena: Arena) -> None:
    ringing(arena)
    (incoming,) = arena.bob.heard(IncomingCall)
    arena.alice.hang_up_all()
    arena.network.run(seconds=0.0095)
    request = arena.bob.send(Answer(call=incoming.call))
    assert request not in arena.bob.replies
    arena.network.run(seconds=1.0)
    answers = arena.network.ladder.labels("bob")
    assert ("487 INVITE 1" in answers) != ("200 INVITE 1 (sendrecv)" in answers)
    assert request in arena.bob.replies
    assert not arena.bob.worker.open_streams


def test_answering_twice_is_refused(arena: Arena) -> None:
    ringing(arena)
    (incoming,) = arena.bob.heard(IncomingCall)
    arena.bob.send(Answer(call=incoming.call))
    with pytest.raises(WrongStateError):
        arena.bob.ask(Answer(call=incoming.call))
    arena.network.run(seconds=1.0)
    arena.bob.ask(HangUp(call=incoming.call))


def test_nobody_answers_in_time(arena: Arena) -> None:
    ringing(arena, ring_timeout=5.0)
    arena.network.run(seconds=10.0)
    (cancel,) = arena.network.ladder.times("CANCEL")
    (invite,) = arena.network.ladder.times("INVITE")
    assert round(cancel - invite, 2) == 5.0
    assert (arena.alice.ended().outcome, arena.alice.ended().by) == (Outcome.NO_ANSWER, "local")


def test_the_answer_comes_after_the_ring_timeout(arena: Arena) -> None:
    arena.bob_answers(ring=0.1, after=4.98)
    arena.link("bob", "alice").rules.append(delay(starts(b"SIP/2.0 200"), 0.3, 1))
    arena.alice.dial(TO_BOB, ring_timeout=5.0)
    arena.network.run(seconds=10.0)
    assert arena.network.ladder.labels("alice") == [
        "INVITE 1 (sendrecv)",
        "CANCEL 1",
        "ACK 1",
        "BYE 2",
    ]
    assert arena.alice.ended().outcome is Outcome.NO_ANSWER
    assert not arena.alice.heard(Answered)


def test_the_owner_of_an_incoming_call_ponders_for_ever(arena: Arena) -> None:
    ringing(arena, ring_timeout=1000.0)
    arena.network.run(seconds=200.0)
    assert arena.bob.ended().outcome is Outcome.NO_ANSWER
    assert round(arena.network.ladder.times("480")[0]) == 180
    assert (arena.alice.ended().outcome, arena.alice.ended().status) == (Outcome.NO_ANSWER, 480)


def test_a_call_is_given_up_while_its_stream_is_opened(arena: Arena) -> None:
    arena.alice.ask(Dial(uri=TO_BOB))
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    assert arena.network.ladder.labels() == []
    assert arena.alice.ended().outcome is Outcome.CANCELLED
    assert [stream.closed for stream in arena.alice.worker.streams.values()] == [True]
