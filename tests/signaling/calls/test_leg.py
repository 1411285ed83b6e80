"""The stream of a call is opened once and closed once, whatever the order of the answers."""

from bus.calls import HangUp, Outcome
from tests.harness.arena import TO_BOB, Arena


def states(arena: Arena) -> list[str]:
    return [call.leg.state for call in arena.alice.state.calls.values()]


def test_from_opening_to_closed(arena: Arena) -> None:
    arena.bob_answers(after=0.1)
    mine = arena.alice.dial(TO_BOB)
    assert states(arena) == ["opening"]
    arena.network.run(until=lambda: arena.alice_is_up(mine))
    assert states(arena) == ["open"]
    arena.alice.ask(HangUp(call=mine))
    assert states(arena) == ["closing"]
    arena.network.run(seconds=1.0)
    (stream,) = arena.alice.worker.streams.values()
    assert stream.closed
    assert not arena.alice.state.by_stream


def test_hung_up_before_the_stream_is_open(arena: Arena) -> None:
    mine = arena.alice.dial(TO_BOB)
    arena.alice.ask(HangUp(call=mine))
    assert states(arena) == ["doomed"]
    arena.network.run(seconds=1.0)
    (stream,) = arena.alice.worker.streams.values()
    assert stream.closed
    assert arena.alice.ended().outcome is Outcome.CANCELLED
    assert not arena.network.ladder.labels()


def test_a_seat_counts_the_streams_on_it(arena: Arena) -> None:
    arena.call()
    (seat,) = arena.alice.state.workers.seats.values()
    assert len(seat.streams) == 1
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    assert not seat.streams


def test_a_worker_that_refuses(arena: Arena) -> None:
    arena.alice.worker.refusal = ("no_capacity", "all rows are taken")
    arena.alice.dial(TO_BOB)
    arena.network.run(seconds=1.0)
    assert arena.alice.ended().outcome is Outcome.FAILED
    assert "all rows are taken" in arena.alice.ended().reason


def test_a_worker_that_does_not_answer(arena: Arena) -> None:
    arena.alice.worker.silent = True
    arena.alice.dial(TO_BOB)
    arena.network.run(seconds=2.5)
    assert arena.alice.ended().outcome is Outcome.FAILED
    assert "did not answer" in arena.alice.ended().reason
