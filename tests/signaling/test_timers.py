"""What is dropped of the heap, and when."""

from heapq import heappop

from signaling.timers import SLACK, compact
from tests.harness.arena import Arena


def test_only_what_is_true_is_kept(arena: Arena) -> None:
    mine, _ = arena.call()
    state = arena.alice.state
    call = state.calls[mine]
    true = [(at, mine, name) for name, at in call.timers.items()]
    assert true
    untrue = [(at + 1.0, mine, name) for at, _, name in true] * SLACK
    gone = [(5.0, "another", "refresh"), (6.0, "no such request", "asked")]
    elsewhere = (7.0, "sip:alice@example.com", "registration")
    state.timers, state.timers_kept = [*untrue, *gone, elsewhere, *true], 0
    compact(state, {"asked", "registration"})
    left = [heappop(state.timers) for _ in range(len(state.timers))]
    assert left == sorted([elsewhere, *true])
    state.timers = left
    arena.alice.hang_up_all()


def test_nothing_is_left_when_the_last_call_is_over(arena: Arena) -> None:
    first, _ = arena.call()
    arena.call()
    arena.alice.hang_up_all()
    arena.network.run(seconds=60.0)
    for station in arena.stations:
        assert {name for _, _, name in station.state.timers} <= {"asked"}
    assert first not in arena.alice.state.calls


def test_a_heap_that_grew_little_is_left_alone(arena: Arena) -> None:
    state = arena.alice.state
    state.timers, state.timers_kept = [(1.0, "gone", "refresh")] * (SLACK + 20), 10
    compact(state, ())
    assert len(state.timers) == SLACK + 20
    state.timers.append((1.0, "gone", "refresh"))
    compact(state, ())
    assert (state.timers, state.timers_kept) == ([], 0)
