"""The line to signaling, with a real ROUTER at its other end."""

import time
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import zmq

from bus.calls import Ok
from bus.errors import NotFoundError
from bus.ids import StreamId, WorkerId
from bus.sockets import connect_dealer, endpoint
from bus.streams import (
    CloseStream,
    DrainWorker,
    StreamCommand,
    StreamDigitsSent,
    WorkerBeat,
    WorkerHello,
)
from mediaworker.link import PATIENCE, Link, Reply
from tests.mediaworker.signaling_role import SignalingRole, pack

HELLO = WorkerHello(
    worker=WorkerId("w0"),
    incarnation="i",
    pid=1,
    capacity=10,
    table="/t",
    codecs=("PCMU",),
    backend="portable",
    scheduling="normal",
)
BEAT = WorkerBeat(load=0.5, streams=3)


class Pair:
    """A link and signaling, moved by hand."""

    def __init__(self, run_dir: Path) -> None:
        self.context: zmq.SyncContext = zmq.Context()
        self.signaling = SignalingRole(run_dir)
        self.applied: list[StreamCommand] = []
        self.held: list[Reply] = []
        self.losses = 0
        self.now = 100.0
        socket = connect_dealer(self.context, endpoint(run_dir, "workers"))
        self.link = Link(socket, HELLO, apply=self.apply, lost=self.lost, patience=5.0)

    def apply(self, command: StreamCommand, reply: Reply) -> None:
        self.applied.append(command)
        match command:
            case CloseStream(stream=7):
                raise NotFoundError("no stream 7")
            case CloseStream(stream=8):
                raise ZeroDivisionError("a mistake")
            case CloseStream():
                self.held.append(reply)
            case _:
                reply(Ok())

    def lost(self) -> None:
        self.losses += 1

    def step(self) -> None:
        """Let the link hear one frame and say what it has to."""
        assert self.link.socket.poll(5000)
        assert self.link.receive(self.now, 1) == 1
        self.link.wake(self.now, BEAT)

    def until_heard(self) -> None:
        """Let the link say what it has to until signaling hears something."""
        while not self.signaling.socket.poll(1):
            self.link.wake(self.now, BEAT)
            if len(self.link.pending) == 0:  # nobody was there: time goes on until it tries again
                self.now += 0.02

    def meet(self, session: str = "s1") -> None:
        self.until_heard()
        self.signaling.welcome(session)
        self.step()
        self.signaling.beat()
        self.step()

    def close(self) -> None:
        self.link.socket.close()
        self.context.term()
        self.signaling.close()


@pytest.fixture
def pair() -> Generator[Pair]:
    with TemporaryDirectory() as folder:
        pair = Pair(Path(folder))
        try:
            yield pair
        finally:
            pair.close()


def test_hello_then_beats(pair: Pair) -> None:
    pair.until_heard()
    hello = pair.signaling.welcome()
    assert hello["worker"] == "w0"
    assert hello["capacity"] == 10
    pair.step()
    assert pair.signaling.beat() == {
        "verb": "worker_beat",
        "load": 0.5,
        "streams": 3,
        "draining": False,
    }
    pair.link.wake(pair.now + 0.2, BEAT)
    assert pair.signaling.silent()
    pair.link.wake(pair.now + 0.3, BEAT)
    assert pair.signaling.beat()


def test_an_unanswered_hello_is_said_again(pair: Pair) -> None:
    pair.until_heard()
    first = pair.signaling.receive()["id"]
    pair.link.wake(pair.now + PATIENCE / 2, BEAT)
    assert pair.signaling.silent()
    pair.link.wake(pair.now + PATIENCE + 0.1, BEAT)
    again = pair.signaling.receive()
    assert again["body"]["verb"] == "worker_hello"
    assert again["id"] > first


def ignore(command: StreamCommand, reply: Reply) -> None:
    pass


def test_nothing_is_kept_for_nobody() -> None:
    with TemporaryDirectory() as folder, zmq.Context() as context:
        socket = connect_dealer(context, endpoint(Path(folder), "workers"))
        losses: list[int] = []
        link = Link(socket, HELLO, apply=ignore, lost=lambda: losses.append(1), patience=5.0)
        for now in range(50):
            link.wake(float(now), BEAT)
        assert len(link.outbox) == 0
        assert not losses
        signaling = SignalingRole(Path(folder))
        later = 100.0
        while not signaling.socket.poll(1):
            link.wake(later := later + 0.01, BEAT)
        signaling.receive()
        assert signaling.silent()
        socket.close()
        signaling.close()


def test_a_request_is_applied_once(pair: Pair) -> None:
    pair.meet()
    for _ in range(3):
        pair.signaling.request("drain_worker", {}, id=5)
        pair.step()
        assert pair.signaling.reply(5)["body"] == {"verb": "ok"}
    assert pair.applied == [DrainWorker()]


def test_a_request_under_way_is_not_begun_again(pair: Pair) -> None:
    pair.meet()
    for _ in range(2):
        pair.signaling.request("close_stream", {"stream": 1}, id=5)
        pair.step()
    assert pair.signaling.silent()
    assert len(pair.applied) == 1
    pair.held[0](Ok())
    pair.link.flush()
    assert pair.signaling.reply(5)["kind"] == "done"


def test_too_late_is_not_applied(pair: Pair) -> None:
    pair.meet()
    pair.signaling.request("drain_worker", {}, id=5, deadline=time.time() - 0.01)
    pair.step()
    assert pair.signaling.reply(5)["code"] == "too_late"
    assert not pair.applied


@pytest.mark.parametrize(
    ("verb", "body", "code", "says"),
    [
        ("frobnicate", {}, "unknown_verb", "'frobnicate'"),
        ("close_stream", {"stream": "one"}, "bad_request", "$.stream"),
        ("close_stream", {}, "bad_request", "`stream`"),
        ("close_stream", {"stream": 7}, "not_found", "no stream 7"),
        ("close_stream", {"stream": 8}, "refused", "ZeroDivisionError"),
    ],
)
def test_refusals_say_why(
    pair: Pair, verb: str, body: dict[str, object], code: str, says: str
) -> None:
    pair.meet()
    pair.signaling.request(verb, body, id=5)
    pair.step()
    reply = pair.signaling.reply(5)
    assert reply["code"] == code
    assert says in reply["reason"]
    pair.signaling.request("drain_worker", {}, id=6)
    pair.step()
    assert pair.signaling.reply(6)["kind"] == "done"


@pytest.mark.parametrize("frame", [b"", b"\xc1", b"hello", pack([1]), pack({"kind": "request"})])
def test_a_frame_that_is_none_is_refused(pair: Pair, frame: bytes) -> None:
    pair.meet()
    pair.signaling.send(frame)
    pair.step()
    reply = pair.signaling.reply(0)
    assert reply["code"] == "bad_request"
    assert f"{len(frame)} bytes" in reply["reason"]


def test_a_truncated_request_is_refused(pair: Pair) -> None:
    pair.meet()
    whole = pack({"kind": "request", "id": 9, "session": "s1", "body": {"verb": "x"}})
    for length in range(len(whole)):
        pair.signaling.send(whole[:length])
        pair.step()
        assert pair.signaling.reply(0)["code"] == "bad_request"
    assert not pair.applied


@pytest.mark.parametrize("session", ["s0", "nonsense"])
def test_a_request_of_another_session_is_refused(pair: Pair, session: str) -> None:
    pair.meet()
    pair.signaling.request("drain_worker", {}, id=5, session=session)
    pair.step()
    assert pair.signaling.reply(5)["code"] == "stale_session"
    assert not pair.applied


def test_stale_session_begins_anew(pair: Pair) -> None:
    pair.meet()
    pair.signaling.request("close_stream", {"stream": 1}, id=5)
    pair.step()
    pair.link.wake(pair.now + 1, BEAT)
    pair.signaling.refuse(pair.signaling.receive()["id"], "stale_session")
    pair.step()
    assert pair.losses == 1
    pair.meet("s2")
    pair.held[0](Ok())  # of the session before: nobody waits for it
    pair.link.flush()
    assert pair.signaling.silent()
    pair.signaling.request("close_stream", {"stream": 1}, id=5)
    pair.step()
    assert len(pair.applied) == 2, "ids begin anew with the session"


def test_silence_is_loss(pair: Pair) -> None:
    pair.meet()
    pair.link.wake(pair.now + 4.9, BEAT)
    assert pair.losses == 0
    pair.link.wake(pair.now + 5.1, BEAT)
    assert pair.losses == 1
    assert pair.link.session == ""


def test_events_follow_the_reply_and_are_numbered(pair: Pair) -> None:
    pair.meet()
    pair.signaling.request("drain_worker", {}, id=5)
    pair.step()
    for stream in (1, 2):
        pair.link.tell(StreamDigitsSent(stream=StreamId(stream)))
    pair.link.flush()
    messages = [pair.signaling.receive() for _ in range(3)]
    assert [message["kind"] for message in messages] == ["done", "event", "event"]
    assert [message["sequence"] for message in messages[1:]] == [1, 2]
    assert abs(messages[1]["at"] - time.time()) < 60
