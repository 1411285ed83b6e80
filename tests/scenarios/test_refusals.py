"""Scenario 5 and what else a caller may hear instead of an answer."""

import pytest

from bus.calls import Ended, IncomingCall, Outcome, Redirect, Reject, Unsubscribe
from bus.errors import NoCapacityError
from tests.harness.arena import TO_BOB, TO_CAROL, Arena
from tests.harness.network import drop, starts


@pytest.mark.parametrize(
    ("status", "hers", "his"),
    [
        (486, Outcome.BUSY, Outcome.BUSY),
        (600, Outcome.BUSY, Outcome.BUSY),
        (603, Outcome.REJECTED, Outcome.REJECTED),
        (480, Outcome.NO_ANSWER, Outcome.REJECTED),
        (488, Outcome.MEDIA_NOT_ACCEPTABLE, Outcome.REJECTED),
        (500, Outcome.REJECTED, Outcome.REJECTED),
    ],
)
def test_the_owner_refuses(arena: Arena, status: int, hers: Outcome, his: Outcome) -> None:
    arena.bob.react(
        IncomingCall, lambda event: arena.bob.ask(Reject(call=event.call, status=status))
    )
    arena.alice.dial(TO_BOB)
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    arena.network.run(seconds=0.1)
    assert arena.network.ladder.labels() == [
        "INVITE 1 (sendrecv)",
        "100 INVITE 1",
        f"{status} INVITE 1",
        "ACK 1",
    ]
    assert (arena.alice.ended().outcome, arena.alice.ended().status) == (hers, status)
    assert arena.bob.ended().outcome is his
    assert not arena.alice.worker.open_streams
    assert not arena.bob.worker.streams


def test_a_refusal_is_repeated_until_it_is_acknowledged(arena: Arena) -> None:
    arena.link("alice", "bob").rules.append(drop(starts(b"ACK"), 1, 2))
    arena.bob.react(IncomingCall, lambda event: arena.bob.ask(Reject(call=event.call)))
    arena.alice.dial(TO_BOB)
    arena.network.run(seconds=10.0)
    assert len(arena.network.ladder.times("486")) == len(arena.network.ladder.times("ACK")) == 3
    assert len(arena.alice.heard(Ended)) == len(arena.bob.heard(Ended)) == 1


def test_nobody_wants_the_call(arena: Arena) -> None:
    arena.bob.ask(Unsubscribe())
    arena.alice.dial(TO_BOB)
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert "480 INVITE 1" in arena.network.ladder.labels("bob")
    assert arena.alice.ended().outcome is Outcome.NO_ANSWER


def test_no_worker_of_the_called_side_is_free(arena: Arena) -> None:
    arena.bob.worker.silent = True
    arena.network.run(seconds=10.0)
    arena.alice.dial(TO_BOB)
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    (refusal,) = [r.datagram for r in arena.network.ladder.rungs if b" 503 " in r.datagram[:12]]
    assert b"\r\nRetry-After:" in refusal
    assert (arena.alice.ended().outcome, arena.alice.ended().status) == (Outcome.REJECTED, 503)
    with pytest.raises(NoCapacityError):
        arena.bob.dial(TO_CAROL)


def test_the_worker_refuses_the_stream(arena: Arena) -> None:
    arena.bob.worker.refusal = ("no_capacity", "all rows are taken")
    arena.bob_answers()
    arena.alice.dial(TO_BOB)
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert "503 INVITE 1" in arena.network.ladder.labels("bob")
    arena.alice.worker.refusal = ("bad_source", "no such file")
    arena.alice.dial(TO_BOB)
    arena.network.run(seconds=1.0)
    ended = arena.alice.heard(Ended)[-1]
    assert (ended.outcome, ended.by) == (Outcome.FAILED, "engine")
    assert "no such file" in ended.reason


def test_the_owner_redirects(arena: Arena) -> None:
    arena.bob.react(
        IncomingCall,
        lambda event: arena.bob.ask(Redirect(call=event.call, contacts=(TO_CAROL,))),
    )
    arena.alice.dial(TO_BOB, max_redirects=0)
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    (moved,) = [r.datagram for r in arena.network.ladder.rungs if b" 302 " in r.datagram[:12]]
    assert b"\r\nContact: <sip:carol@192.0.2.3>\r\n" in moved
    assert (arena.alice.ended().outcome, arena.alice.ended().status) == (Outcome.REJECTED, 302)
    assert arena.bob.ended().outcome is Outcome.REDIRECTED
