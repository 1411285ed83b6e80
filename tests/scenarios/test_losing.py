"""Whom a call needs and who may go away: its owner, its worker, the engine itself."""

import pytest

from bus.calls import (
    Answered,
    Ended,
    IncomingCall,
    OnOwnerLost,
    Outcome,
    Ring,
    Subscribe,
)
from bus.errors import NoCapacityError
from signaling.effects import DrainAsked, WorkerDied
from tests.harness.arena import TO_BOB, Arena


def test_the_owner_of_a_running_call_is_lost(arena: Arena) -> None:
    arena.call()
    arena.alice.owner_silent = True
    arena.network.run(seconds=10.0)
    assert arena.network.ladder.labels("alice")[-1] == "BYE 2"
    assert (arena.bob.ended().outcome, arena.bob.ended().by) == (Outcome.COMPLETED, "remote")


def test_a_call_may_outlive_its_owner(arena: Arena) -> None:
    arena.call(on_owner_lost="keep")
    arena.alice.owner_silent = True
    arena.network.run(seconds=60.0)
    assert not arena.bob.heard(Ended)
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


def test_the_owner_is_lost_while_it_rings(arena: Arena) -> None:
    arena.bob.react(IncomingCall, lambda event: arena.bob.ask(Ring(call=event.call)))
    arena.alice.dial(TO_BOB)
    arena.network.run(seconds=1.0)
    arena.alice.owner_silent = True
    arena.network.run(seconds=10.0)
    assert "CANCEL 1" in arena.network.ladder.labels("alice")
    assert arena.bob.ended().outcome is Outcome.CANCELLED


def test_the_owner_of_an_incoming_call_is_lost(arena: Arena) -> None:
    arena.bob.ask(Subscribe(on_owner_lost=OnOwnerLost.HANG_UP))
    arena.alice.dial(TO_BOB)
    arena.network.run(seconds=1.0)
    arena.bob.owner_silent = True
    arena.network.run(seconds=10.0)
    assert (arena.alice.ended().outcome, arena.alice.ended().status) == (Outcome.NO_ANSWER, 480)


@pytest.mark.parametrize("whose", ["alice", "bob"])
def test_the_worker_dies(arena: Arena, whose: str) -> None:
    arena.call()
    station, other = (arena.alice, arena.bob) if whose == "alice" else (arena.bob, arena.alice)
    station.worker.silent = True
    for stream in station.worker.streams.values():
        stream.closed = True
    station.feed(WorkerDied(4711))
    arena.network.run(seconds=1.0)
    assert (station.ended().outcome, station.ended().by) == (Outcome.FAILED, "engine")
    assert "worker" in station.ended().reason
    assert other.ended().outcome is Outcome.COMPLETED
    with pytest.raises(NoCapacityError):
        station.dial(TO_BOB)


def test_a_worker_that_does_not_answer(arena: Arena) -> None:
    arena.bob_answers()
    arena.bob.worker.silent = True
    arena.alice.dial(TO_BOB)
    arena.network.run(seconds=5.0)
    assert "503 INVITE 1" in arena.network.ladder.labels("bob")
    assert arena.bob.ended().outcome is Outcome.FAILED


def test_a_drain_ends_what_runs_and_takes_nothing_new(arena: Arena) -> None:
    arena.call()
    arena.alice.feed(DrainAsked(5.0, "going home"))
    with pytest.raises(NoCapacityError, match="going home"):
        arena.alice.dial(TO_BOB)
    arena.bob.dial("sip:alice@192.0.2.1")
    arena.network.run(seconds=1.0)
    assert arena.bob.heard(Ended)[0].status == 503
    assert not arena.alice.exited
    assert len(arena.alice.heard(Answered)) == 1
    arena.network.run(seconds=10.0)
    assert arena.alice.exited
    assert len(arena.bob.heard(Ended)) == 2
