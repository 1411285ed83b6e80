"""What workers say, and what becomes of their calls when they say something wrong, or nothing."""

import msgspec
import pytest

from bus.calls import Ok, Outcome
from bus.codec import decode_frame, encode, raw
from bus.envelope import Done, Refused, Request
from bus.ids import WorkerId
from bus.streams import WorkerHello
from signaling.effects import FromWorker, ToWorker, WatchWorker, WorkerDied
from signaling.effects import Input as Given
from tests.harness.arena import TO_BOB, Arena

HELLO = WorkerHello(
    worker=WorkerId("w1"),
    incarnation="1",
    pid=99,
    capacity=1,
    table="",
    codecs=(),
    backend="",
    scheduling="",
)
PIDS = [0, -1, 2**31, 2**62]


def feed(arena: Arena, given: Given) -> list[object]:
    return [*arena.alice.agent.feed(given, arena.alice.now, bytes(32))]


def hello(**changes: object) -> FromWorker:
    body = msgspec.structs.replace(HELLO, **changes)
    return FromWorker("w1", encode(Request(id=1, body=raw(body))))


def test_a_worker_is_welcomed_and_watched(arena: Arena) -> None:
    effects = feed(arena, hello())
    assert WatchWorker(99) in effects
    (welcome,) = [decode_frame(e.frame) for e in effects if isinstance(e, ToWorker)]
    assert isinstance(welcome, Done)
    assert list(arena.alice.state.workers.seats) == ["w0", "w1"]


@pytest.mark.parametrize("pid", PIDS)
def test_a_pid_that_no_process_has_is_refused(arena: Arena, pid: int) -> None:
    """The kernel cannot be asked to watch it."""
    effects = feed(arena, hello(pid=pid))
    (answer,) = [decode_frame(e.frame) for e in effects if isinstance(e, ToWorker)]
    assert isinstance(answer, Refused)
    assert "pid" in answer.reason


@pytest.mark.parametrize("frame", [b"", b"\x90", b"\x81\xa4kind\xa2\xff\xfe", b"\x91" * 9000])
def test_bytes_that_are_no_frame_are_counted(arena: Arena, frame: bytes) -> None:
    feed(arena, FromWorker("worker", frame))
    assert arena.alice.state.counters["bad_frames"] == 1


@pytest.mark.parametrize("body", [raw(Ok()), msgspec.Raw(b"\x80"), msgspec.Raw(b"\xa2\xff\xfe")])
def test_a_wrong_answer_to_an_open_ends_the_call(arena: Arena, body: msgspec.Raw) -> None:
    arena.alice.worker.silent = True
    arena.alice.dial(TO_BOB)
    (key,) = arena.alice.state.asked
    number = int(key.rpartition(":")[2])
    arena.alice.feed(FromWorker("worker", encode(Done(id=number, body=body))))
    arena.network.run(seconds=0.1)
    assert arena.alice.ended().outcome is Outcome.FAILED


def test_a_worker_lost_while_its_call_is_closing(arena: Arena) -> None:
    arena.call()
    arena.alice.worker.silent = True
    arena.alice.hang_up_all()
    arena.alice.feed(WorkerDied(4711))
    arena.alice.worker.streams.clear()
    arena.network.run(seconds=1.0)
    assert arena.alice.ended().outcome is Outcome.COMPLETED
