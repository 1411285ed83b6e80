from mediaworker.clock import Clock
from mediaworker.streams import TICK_NS


def test_ticks_follow_each_other() -> None:
    clock = Clock(1000)
    assert [clock.advance(clock.next_at()) for _ in range(3)] == [1, 2, 3]
    assert clock.next_at() == 1000 + 4 * TICK_NS


def test_lateness_does_not_add_up() -> None:
    clock = Clock(0)
    assert clock.advance(TICK_NS + TICK_NS // 2) == 1
    assert clock.next_at() == 2 * TICK_NS


def test_missed_ticks_are_skipped() -> None:
    clock = Clock(0)
    assert clock.advance(7 * TICK_NS + 1) == 7
    assert clock.next_at() == 8 * TICK_NS


def test_a_clock_that_is_early_goes_on_all_the_same() -> None:
    clock = Clock(0)
    assert [clock.advance(0), clock.advance(0)] == [1, 2]
