import msgspec

from bus.liveness import Liveness


def test_silence_is_told_once() -> None:
    liveness = Liveness(timeout=5.0)
    liveness.hear("a", 0.0)
    liveness.hear("b", 1.0)
    assert liveness.deadline() == 5.0
    assert liveness.overdue(4.99) == []
    assert liveness.overdue(5.5) == ["a"]
    assert liveness.overdue(5.6) == []
    liveness.hear("b", 5.9)
    assert liveness.overdue(10.0) == []
    assert liveness.overdue(10.9) == ["b"]
    assert liveness.deadline() is None


def test_a_counter_that_stands_still_is_silence() -> None:
    liveness = Liveness(timeout=1.0)
    for tick, now in ((7, 0.0), (7, 0.5), (7, 0.9)):
        liveness.observe("w0", tick, now)
        assert liveness.overdue(now) == []
    liveness.observe("w0", 7, 1.0)
    assert liveness.overdue(1.0) == ["w0"]


def test_a_counter_that_moves_either_way_is_life() -> None:
    liveness = Liveness(timeout=1.0)
    for tick, now in ((7, 0.0), (8, 0.9), (0, 1.8)):
        liveness.observe("w0", tick, now)
        assert liveness.overdue(now) == []


def test_our_own_standstill_counts_for_nobody() -> None:
    liveness = Liveness(timeout=1.0)
    liveness.hear("a", 0.0)
    liveness.pardon(10.0)
    assert liveness.overdue(10.5) == []
    assert liveness.overdue(11.0) == ["a"]


def test_who_is_forgotten_is_not_missed_and_encoding_keeps_the_rest() -> None:
    liveness = Liveness(timeout=1.0)
    liveness.hear("a", 0.0)
    liveness.observe("b", 1, 0.0)
    liveness.forget("a")
    copy = msgspec.msgpack.decode(msgspec.msgpack.encode(liveness), type=Liveness)
    assert copy.overdue(2.0) == ["b"]
