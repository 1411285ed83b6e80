from bus.ids import StreamId, WorkerId
from bus.streams import WorkerHello
from signaling.placement import BEAT_TIMEOUT, Workers


def hello(name: str, pid: int = 1, capacity: int = 10) -> WorkerHello:
    return WorkerHello(
        worker=WorkerId(name),
        incarnation="i",
        pid=pid,
        capacity=capacity,
        table="",
        codecs=("PCMU",),
        backend="portable",
        scheduling="normal",
    )


def test_the_worker_with_the_fewest_streams_for_its_size_is_chosen() -> None:
    workers = Workers()
    small = workers.sit(hello("w0", capacity=2), "a", "s0", 0.0)
    large = workers.sit(hello("w1", capacity=10), "b", "s1", 0.0)
    small.streams.append(StreamId(1))
    large.streams.extend([StreamId(2), StreamId(3)])
    assert workers.choose(0.0) is large


def test_the_load_decides_between_equals() -> None:
    workers = Workers()
    workers.sit(hello("w0"), "a", "s0", 0.0).load = 0.5
    idle = workers.sit(hello("w1"), "b", "s1", 0.0)
    assert workers.choose(0.0) is idle


def test_the_full_the_draining_and_the_silent_get_nothing() -> None:
    workers = Workers()
    workers.sit(hello("full", capacity=1), "a", "s0", 0.0).streams.append(StreamId(1))
    workers.sit(hello("draining"), "b", "s1", 0.0).draining = True
    assert workers.choose(0.0) is None
    workers.sit(hello("silent"), "c", "s2", 0.0)
    assert workers.choose(BEAT_TIMEOUT) is not None
    assert workers.choose(BEAT_TIMEOUT + 0.1) is None


def test_a_new_hello_takes_the_seat_over() -> None:
    workers = Workers()
    workers.sit(hello("w0", pid=1), "a", "s0", 0.0)
    again = workers.sit(hello("w0", pid=2), "b", "s1", 1.0)
    assert (workers.of_pid(1), workers.of_pid(2)) == (None, again)
    assert workers.of_session("s0") is None
