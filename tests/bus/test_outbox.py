import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bus.codec import decode_frame, encode, raw
from bus.envelope import AnyFrame, Done, Event
from bus.outbox import TOGETHER, Outbox
from bus.workers import ListProcesses

BODY = raw(ListProcesses())


def reply(id: int) -> bytes:
    return encode(Done(id=id, body=BODY))


def read(outbox: Outbox) -> list[AnyFrame]:
    frames = list[AnyFrame]()
    while (frame := outbox.head()) is not None:
        frames.append(decode_frame(frame))
        outbox.pop()
    return frames


def sequences(frames: list[AnyFrame]) -> list[int]:
    return [frame.sequence for frame in frames if isinstance(frame, Event)]


def test_an_event_never_overtakes_a_reply() -> None:
    outbox = Outbox()
    outbox.event(BODY, at=1.0)
    outbox.reply(reply(7))
    outbox.event(BODY, at=2.0)
    assert [type(frame) for frame in read(outbox)] == [Event, Done, Event]


def test_events_are_numbered_from_one_without_holes() -> None:
    outbox = Outbox()
    for at in range(3):
        outbox.event(BODY, at=at)
    assert sequences(read(outbox)) == [1, 2, 3]


def test_overflow_drops_events_keeps_replies_and_asks_for_one_snapshot() -> None:
    outbox = Outbox(limit=4)
    outbox.reply(reply(1))
    for at in range(4):
        outbox.event(BODY, at=at)
    assert len(outbox) == 1
    outbox.event(BODY, at=9)
    outbox.reply(reply(2))
    assert not outbox.wants_snapshot
    assert [frame.id for frame in read(outbox) if isinstance(frame, Done)] == [1, 2]
    assert outbox.wants_snapshot
    outbox.snapshot(BODY, at=10)
    assert not outbox.wants_snapshot
    outbox.event(BODY, at=11)
    assert sequences(read(outbox)) == [6, 7]
    assert outbox.events_dropped == 5


def test_a_flood_of_replies_keeps_the_youngest() -> None:
    outbox = Outbox(limit=3)
    for id in range(10):
        outbox.reply(reply(id))
    assert [frame.id for frame in read(outbox) if isinstance(frame, Done)] == [7, 8, 9]
    assert outbox.replies_dropped == 7
    assert not outbox.overflowed


@given(st.lists(st.sampled_from(["reply", "event", "send"])), st.integers(1, 5))
def test_it_is_bounded_ordered_and_honest(steps: list[str], limit: int) -> None:
    outbox = Outbox(limit=limit)
    seen = list[AnyFrame]()
    for id, step in enumerate(steps):
        if step == "reply":
            outbox.reply(reply(id))
        elif step == "event":
            outbox.event(BODY, at=0.0)
        elif (frame := outbox.head()) is not None:
            seen.append(decode_frame(frame))
            outbox.pop()
        outbox = msgspec.msgpack.decode(msgspec.msgpack.encode(outbox), type=Outbox)
        assert len(outbox) <= limit
    seen += read(outbox)
    events = sequences(seen)
    replies = [frame.id for frame in seen if isinstance(frame, Done)]
    assert events == sorted(set(events))
    assert replies == sorted(set(replies))
    assert len(events) + outbox.events_dropped == steps.count("event")
    assert len(replies) + outbox.replies_dropped == steps.count("reply")
    assert outbox.wants_snapshot == (outbox.events_dropped > 0)


def test_several_frames_may_leave_together() -> None:
    outbox = Outbox()
    for id in range(TOGETHER + 2):
        outbox.reply(reply(id))
    together = outbox.heads()
    assert together == [reply(id) for id in range(TOGETHER)]
    outbox.pop(len(together))
    assert outbox.heads() == [reply(TOGETHER), reply(TOGETHER + 1)]
