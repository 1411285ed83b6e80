"""The supervisor with real processes: the children are puppets (``tests/bus/puppet.py``)."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import TypeVar

import msgspec
import pytest
import zmq

from bus.body import Body
from bus.calls import Ok
from bus.codec import decode_body, decode_frame, encode, raw
from bus.envelope import Done, Refused, Request
from bus.loading import write_settings
from bus.processes import kill
from bus.settings import BusSettings, MediaSettings, Settings, SupervisorSettings
from bus.sockets import connect_dealer, endpoint
from bus.supervisor import fleet
from bus.workers import (
    ChildHello,
    ListProcesses,
    Processes,
    ProcessInfo,
    Scale,
    Stop,
    SupervisorReply,
)
from tests.bus.puppet import Manner

PATIENCE = 20.0
PUPPET = (sys.executable, "-P", "-m", "tests.bus.puppet")
REPLIES = msgspec.msgpack.Decoder(SupervisorReply)
Found = TypeVar("Found")


class Line(msgspec.Struct):
    """A line of ``--json``."""

    event: str
    name: str = ""
    state: str = ""
    pid: int = 0
    code: int = -1
    reason: str = ""
    last_exit: str = ""
    listeners: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    run_dir: str = ""


class Engine:
    """A supervisor in a process of its own, and a client of it."""

    def __init__(self, folder: Path, settings: Settings, puppets: dict[str, Manner]) -> None:
        self.run_dir = folder / "run"
        write_settings(folder / "given.json", settings)
        self.errors = folder / "stderr"
        self.seen = list[Line]()
        self.lines = Queue[bytes]()
        self.context = zmq.Context[zmq.SyncSocket]()
        self.socket = connect_dealer(self.context, endpoint(self.run_dir, "supervisor"))
        self.requests = 0
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*PUPPET, "supervise", str(self.run_dir), str(folder / "given.json")],
                env={
                    **os.environ,
                    "PYTHONPATH": str(Path(__file__).parents[2]),
                    "PUPPETS": msgspec.json.encode(puppets).decode(),
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(b"")

    def await_line(self, wanted: Callable[[Line], bool]) -> Line:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                text = self.lines.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                raise AssertionError(f"no such line; {self.story()}") from None
            assert text, f"the end came before that line; {self.story()}"
            line = msgspec.json.decode(text, type=Line)
            self.seen.append(line)
            if wanted(line):
                return line

    def await_state(self, name: str, state: str) -> Line:
        return self.await_line(lambda line: (line.name, line.state) == (name, state))

    def await_up(self) -> Line:
        return self.await_line(lambda line: line.event == "up")

    def story(self) -> str:
        return f"{self.seen} {self.errors.read_text()}"

    def ask(self, body: Body) -> Ok | Processes | Refused:
        self.requests += 1
        assert self.socket.poll(int(PATIENCE * 1000), zmq.POLLOUT)
        self.socket.send(encode(Request(id=self.requests, body=raw(body))))
        return self.reply()

    def reply(self) -> Ok | Processes | Refused:
        assert self.socket.poll(int(PATIENCE * 1000)), self.story()
        match decode_frame(self.socket.recv()):
            case Done(body=body):
                reply: Ok | Processes = decode_body(REPLIES, body)
                return reply
            case Refused() as refused:
                return refused
            case other:
                raise AssertionError(f"{other}")

    def processes(self) -> dict[str, ProcessInfo]:
        answer = self.ask(ListProcesses())
        assert isinstance(answer, Processes)
        assert answer.supervisor_pid == self.process.pid
        return {each.name: each for each in answer.processes}

    def end(self) -> int:
        """Wait for the exit code; nothing may be left behind."""
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return code

    def close(self) -> None:
        self.context.destroy(linger=0)
        children = self.descendants() if self.process.poll() is None else []
        self.process.kill()
        self.process.wait()
        for pid in children:
            kill(pid, signal.SIGKILL)
        self.reader.join(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def descendants(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(word) for word in path.read_text().split()]


Start = Callable[..., Engine]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    engines = list[Engine]()

    def make(
        puppets: dict[str, Manner] | None = None,
        workers: int = 2,
        standbys: int = 1,
        **supervisor: float,
    ) -> Engine:
        wanted = msgspec.convert({"drain": 1.0, **supervisor}, SupervisorSettings, strict=False)
        settings = Settings(
            media=MediaSettings(workers=workers, standbys=standbys),
            supervisor=wanted,
            bus=BusSettings(max_frame_bytes=4096),
        )
        engines.append(Engine(tmp_path, settings, puppets or {}))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_it_comes_up_and_goes_down_without_a_trace(start: Start) -> None:
    engine = start()
    up = engine.await_up()
    assert engine.seen == [up]
    assert (up.pid, up.workers) == (engine.process.pid, ("w0", "w1"))
    assert (up.run_dir, up.listeners) == (str(engine.run_dir), ("udp:signaling:5060",))
    engine.await_state("standby-1", "serving")
    processes = engine.processes()
    assert {each.state for each in processes.values()} == {"serving"}
    assert abs(processes["w0"].started_at - time.time()) < 3600
    engine.process.terminate()
    assert engine.await_line(lambda line: line.event == "down").code == 0
    assert engine.end() == 0
    assert not [each for each in processes.values() if alive(each.pid)]
    assert not engine.run_dir.exists()


def test_a_killed_worker_is_replaced_by_the_standby(start: Start) -> None:
    engine = start()
    engine.await_up()
    standby = engine.await_state("standby-1", "serving").pid
    os.kill(engine.processes()["w0"].pid, signal.SIGKILL)
    assert engine.await_state("w0", "serving").pid == standby
    engine.await_state("standby-2", "serving")
    info = engine.processes()["w0"]
    assert (info.pid, info.restarts, info.last_exit) == (standby, 1, "killed by SIGKILL")
    assert (engine.run_dir / "w0.state").exists()


def test_killed_signaling_and_a_killed_worker_without_standby_come_back(start: Start) -> None:
    engine = start(standbys=0)
    engine.await_up()
    for name in ("signaling", "w1"):
        before = engine.processes()[name].pid
        os.kill(before, signal.SIGKILL)
        assert engine.await_state(name, "starting").pid != before
        engine.await_state(name, "serving")


def test_a_stopped_worker_is_noticed_killed_and_replaced(start: Start) -> None:
    engine = start(hang_timeout=1.0)
    engine.await_up()
    engine.await_state("standby-1", "serving")
    hung = engine.processes()["w0"].pid
    os.kill(hung, signal.SIGSTOP)
    engine.await_state("w0", "serving")
    assert engine.processes()["w0"].last_exit == "it was alive and did no work"
    assert not alive(hung)


def test_scaling_moves_no_call(start: Start) -> None:
    engine = start({"w1": Manner(busy=True)}, standbys=0)
    engine.await_up()
    draining = engine.processes()["w1"].pid
    assert engine.ask(Scale(workers=3)) == Ok()
    engine.await_state("w2", "serving")
    assert engine.ask(Scale(workers=1)) == Ok()
    engine.await_state("w2", "gone")
    assert engine.processes()["w1"].state == "draining"
    assert alive(draining)
    (engine.run_dir / "w1.free").touch()
    engine.await_state("w1", "gone")
    assert set(engine.processes()) == {"signaling", "w0"}
    assert not list(engine.run_dir.glob("w1.*"))


def test_a_child_that_cannot_boot_ends_the_engine_with_a_reason(start: Start) -> None:
    engine = start({"signaling": Manner(exit_at_once=3)}, max_boot_failures=2)
    line = engine.await_line(lambda line: line.event == "failed")
    assert line.reason == "signaling cannot be started (exit code 3); giving up"
    assert engine.end() == 1
    assert line.reason in engine.errors.read_text()
    assert not engine.run_dir.exists()


def test_wrong_settings_are_tried_once(start: Start) -> None:
    engine = start({name: Manner(exit_at_once=42) for name in ("w0", "w1")})
    line = engine.await_line(lambda line: line.event == "failed")
    assert "settings are wrong" in line.reason
    assert engine.end() == 1


def test_a_silent_child_is_a_failed_boot(start: Start) -> None:
    engine = start({"signaling": Manner(silent=True)}, boot_timeout=0.3, max_boot_failures=1)
    line = engine.await_line(lambda line: line.event == "failed")
    assert "it did not serve within 0.3 s" in line.reason


def test_who_does_not_hear_is_killed_and_a_second_signal_hurries(start: Start) -> None:
    deaf = {name: Manner(deaf=True) for name in ("signaling", "w0", "standby-1")}
    engine = start(deaf, workers=1, drain=600.0)
    engine.await_up()
    engine.await_state("standby-1", "serving")
    children = engine.descendants()
    engine.process.send_signal(signal.SIGINT)
    engine.await_state("signaling", "stopping")
    engine.process.send_signal(signal.SIGINT)
    assert engine.end() == 0
    assert len(children) == 3
    assert not [pid for pid in children if alive(pid)]


def test_a_stop_over_the_bus_ends_everything(start: Start) -> None:
    engine = start()
    engine.await_up()
    assert engine.ask(Stop(drain_seconds=0.5)) == Ok()
    assert engine.end() == 0


def test_a_second_supervisor_is_refused_by_name(start: Start, tmp_path: Path) -> None:
    first = start()
    first.await_up()
    first.await_state("standby-1", "serving")  # up does not wait for the idle ones
    second = start()
    assert second.end() != 0
    assert f"supervisor that runs (pid {first.process.pid})" in second.errors.read_text()
    assert {each.state for each in first.processes().values()} == {"serving"}


def test_orphans_clean_up_behind_a_killed_supervisor(start: Start) -> None:
    engine = start()
    engine.await_up()
    children = engine.descendants()
    engine.process.kill()
    engine.end()
    until = time.monotonic() + PATIENCE
    while engine.run_dir.exists():  # a standby may have been on its way, too
        assert time.monotonic() < until, [path.name for path in engine.run_dir.iterdir()]
        time.sleep(0.01)
    while left := [pid for pid in children if alive(pid)]:  # sweeping was their last act but one
        assert time.monotonic() < until, left
        time.sleep(0.01)


def test_the_next_supervisor_waits_for_orphans_and_takes_over(start: Start) -> None:
    first = start({"w0": Manner(stays_orphaned=True)}, standbys=0)
    first.await_up()
    orphan = first.processes()["w0"].pid
    first.process.kill()
    first.end()
    second = start(standbys=0)
    until = time.monotonic() + PATIENCE
    while f"waiting for w0 (process {orphan})" not in second.errors.read_text():
        assert time.monotonic() < until, second.story()
        time.sleep(0.01)
    (second.run_dir / "w0.free").touch()
    second.await_up()
    assert not alive(orphan)


def test_rubbish_is_refused_and_disturbs_nobody(start: Start) -> None:
    engine = start()
    engine.await_up()
    before = engine.processes()
    assert engine.socket.poll(int(PATIENCE * 1000), zmq.POLLOUT)
    for rubbish in (b"", b"\xc1", b"hello", encode(Request(id=1, body=raw(Ok())))[:-2]):
        engine.socket.send(rubbish)
        refused = engine.reply()
        assert isinstance(refused, Refused)
        assert (refused.id, refused.code) == (0, "bad_request")
    engine.socket.send_multipart([b"two", b"frames"])
    refused = engine.reply()
    assert isinstance(refused, Refused)
    assert "2 frames" in refused.reason
    engine.socket.send(encode(Done(id=77, body=raw(Ok()))))
    engine.socket.send(encode(Refused(id=77, code="x", reason="y")))
    assert set(engine.processes()) >= set(before)


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        ({"verb": "explode"}, "unknown_verb", "explode"),
        ({"verb": "scale"}, "bad_request", "workers"),
        ({"verb": "scale", "workers": "three"}, "bad_request", "workers"),
        ({"verb": "scale", "workers": 1000}, "bad_request", "from 1 to 64"),
        ({"verb": "stop", "drain_seconds": -1.0}, "bad_request", "drain_seconds"),
        ([], "bad_request", "not a map"),
    ],
)
def test_a_wrong_request_is_refused_with_its_id(
    start: Start, body: object, code: str, reason: str
) -> None:
    engine = start(workers=1, standbys=0)
    engine.await_up()
    request = Request(id=5, body=msgspec.Raw(msgspec.msgpack.encode(body)))
    engine.socket.send(encode(request))
    refused = engine.reply()
    assert isinstance(refused, Refused)
    assert (refused.id, refused.code) == (5, code)
    assert reason in refused.reason
    engine.socket.send(encode(Request(id=6, body=raw(Scale(workers=2)), deadline=1.0)))
    late = engine.reply()
    assert isinstance(late, Refused)
    assert late.code == "too_late"
    assert set(engine.processes()) == {"signaling", "w0"}


def test_a_hello_of_a_stranger_is_refused(start: Start) -> None:
    engine = start(workers=1, standbys=0)
    engine.await_up()
    refused = engine.ask(ChildHello(role="worker", name="w9", pid=os.getpid()))
    assert isinstance(refused, Refused)
    assert refused.code == "not_found"


def test_the_number_of_workers_follows_the_cores() -> None:
    cores = len(os.sched_getaffinity(0))
    assert fleet(Settings()).workers == max(1, cores - 1)
    assert fleet(Settings(media=MediaSettings(workers=5))).workers == 5
