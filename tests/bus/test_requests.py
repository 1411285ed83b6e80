import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bus.codec import decode_frame
from bus.envelope import Refused
from bus.requests import Pending, Remembered


def test_ids_count_from_one_and_are_taken_once() -> None:
    pending = Pending[str]()
    assert [pending.add("a", 0.0, 1.0), pending.add("b", 0.0, 1.0)] == [1, 2]
    assert pending.take(1) == "a"
    assert pending.take(1) is None
    assert pending.take(99) is None
    assert pending.add("c", 0.0, 1.0) == 3


def test_what_waits_too_long_expires_in_order_of_deadlines() -> None:
    pending = Pending[str]()
    pending.add("late", now=0.0, timeout=5.0)
    pending.add("soon", now=1.0, timeout=2.0)
    pending.add("never", now=0.0)
    answered = pending.add("answered", now=0.0, timeout=1.0)
    assert pending.deadline() == 1.0
    pending.take(answered)
    assert pending.deadline() == 3.0
    assert pending.expire(2.999) == []
    assert pending.expire(9.0) == ["soon", "late"]
    assert pending.deadline() is None
    assert pending.drain() == ["never"]
    assert len(pending) == 0


def test_two_pendings_share_nothing() -> None:
    first, second = Pending[str](), Pending[str]()
    first.add("a", 0.0, 1.0)
    assert len(second) == 0
    assert second.deadline() is None


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10), st.booleans())))
def test_each_request_ends_in_exactly_one_way(steps: list[tuple[float, float, bool]]) -> None:
    pending = Pending[int]()
    ended = list[int]()
    now = 0.0
    for number, (timeout, later, answer) in enumerate(steps):
        id = pending.add(number, now, timeout)
        now += later
        taken = pending.take(id) if answer else None
        ended += [] if taken is None else [taken]
        ended += pending.expire(now)
    ended += pending.drain()
    assert sorted(ended) == list(range(len(steps)))


def test_pending_survives_encoding() -> None:
    pending = Pending[str]()
    pending.add("a", 0.0, 1.0)
    pending.add("b", 0.0)
    copy = msgspec.msgpack.decode(msgspec.msgpack.encode(pending), type=Pending[str])
    assert copy.expire(2.0) == ["a"]
    assert copy.add("c", 0.0) == 3


def test_a_repeated_request_is_answered_from_memory() -> None:
    remembered = Remembered()
    assert remembered.recall("s", 1) is None
    remembered.begin("s", 1)
    assert remembered.recall("s", 1) == b""
    remembered.remember("s", 1, b"done")
    assert remembered.recall("s", 1) == b"done"
    assert remembered.recall("other", 1) is None
    remembered.forget("s")
    assert remembered.recall("s", 1) is None


def test_an_id_older_than_the_memory_is_refused_and_never_applied_again() -> None:
    remembered = Remembered(limit=3)
    for id in range(1, 8):
        assert remembered.recall("s", id) is None
        remembered.remember("s", id, b"%d" % id)
    assert remembered.recall("s", 5) == b"5"
    frame = decode_frame(remembered.recall("s", 4) or b"")
    assert isinstance(frame, Refused)
    assert (frame.id, frame.code) == (4, "too_late")
    remembered.remember("s", 4, b"answered at last")
    assert len(remembered.sessions["s"].frames) == 3


@given(st.lists(st.integers(1, 40)))
def test_no_id_is_applied_twice(ids: list[int]) -> None:
    remembered = Remembered(limit=5)
    applied = list[int]()
    for id in ids:
        if remembered.recall("s", id) is None:
            applied.append(id)
            remembered.remember("s", id, b"done")
        copied = msgspec.msgpack.encode(remembered)
        remembered = msgspec.msgpack.decode(copied, type=Remembered)
    assert len(applied) == len(set(applied))
