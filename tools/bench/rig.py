"""What the media benches share: the C programs, a worker of our own, and streams on it.

The worker is a real process; the bench plays the part of signaling over the bus.  It and its files
process have one core, the far end has another, if there is one.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
import zmq

from bus.calls import Ok
from bus.codec import decode_body, decode_frame, encode, raw
from bus.envelope import Done, Event, Refused, Request
from bus.ids import StreamId
from bus.loading import write_settings
from bus.settings import LogSettings, MediaSettings, Settings
from bus.sockets import bind_router, endpoint
from bus.sources import AnySource
from bus.streams import (
    CloseStream,
    FromWorker,
    OpenStream,
    Remote,
    StreamOpened,
    WorkerHello,
    WorkerWelcome,
)
from bus.tables import PublicStreams

ROOT: Final = Path(__file__).resolve().parents[2]
FLOOR: Final = Path(__file__).parent / "floor"
HOST: Final = "127.0.0.1"
FIRST_PORT: Final = 21000
FAR_PORT: Final = 45000
INSTALL: Final = "apt-get install -y gcc libc6-dev liburing-dev"

from_worker: Final = msgspec.msgpack.Decoder(FromWorker)


class BenchError(Exception):
    """It cannot be measured here; says why, and what to do."""


def compiled(name: str, libraries: Sequence[str], folder: Path) -> Path:
    """Compile a program of ``floor``.  Raises BenchError that names what to install."""
    program = folder / name
    command = ["cc", "-O2", "-w", "-o", str(program), str(FLOOR / f"{name}.c"), *libraries]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise BenchError(f"{name}.c: there is no C compiler: {INSTALL}") from None
    except subprocess.CalledProcessError as error:
        first = str(error.stderr).strip().splitlines()[0]
        raise BenchError(f"{name}.c does not compile ({first}): {INSTALL}") from None
    return program


class Cores(NamedTuple):
    """Which core is whose."""

    subject: int
    rest: int

    @classmethod
    def choose(cls) -> "Cores":
        """Take the last core for what is measured, and another, if any, for the far end."""
        cores = sorted(os.sched_getaffinity(0))
        return cls(cores[-1], cores[0])


@contextlib.contextmanager
def pinned(core: int) -> Generator[None]:
    """Have children that are started meanwhile on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def punctual(pid: int) -> None:
    """Give a process real time, if we may: the far end must not be what is late."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(10))


class Counters(NamedTuple):
    """Sums over the streams of a worker."""

    received: int
    played: int
    concealed: int
    late: int

    def since(self, earlier: "Counters") -> "Counters":
        """Return what was counted from ``earlier`` to this."""
        return Counters(*(now - then for now, then in zip(self, earlier, strict=True)))


def counters(path: str) -> Counters:
    """Add up the columns of a worker's public table."""
    table = PublicStreams.open(Path(path))
    columns = (
        table.packets_received,
        table.frames_played,
        table.frames_concealed,
        table.packets_late,
    )
    return Counters(*(int(np.sum(column, dtype=np.uint64)) for column in columns))


class Subject:
    """A worker, with the bench as its signaling."""

    def __init__(self, run_dir: Path, streams: int, realtime: bool, backend: str) -> None:
        self.run_dir = run_dir
        ports = FIRST_PORT + 2 * streams + 100
        media = MediaSettings(
            streams=max(streams, 16),
            port_first=FIRST_PORT,
            port_last=ports,
            realtime=realtime,
            backend=backend,
        )
        settings = Settings(media=media, log=LogSettings(level="warning"))
        write_settings(run_dir / "settings.json", settings)
        self.context: zmq.SyncContext = zmq.Context()
        self.socket = bind_router(self.context, endpoint(run_dir, "workers"), settings.bus)
        self.process = self._launch()
        self.identity = b""
        self.hello: WorkerHello | None = None
        self.asked = 0
        self.replies: dict[int, Done | Refused] = {}
        self.load = 0.0

    def _launch(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "mediaworker", "--run-dir", str(self.run_dir)]
        command += ["--settings", str(self.run_dir / "settings.json"), "--worker", "w0"]
        return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})

    # ----------------------------------------------------------------------------- the bus

    def _send(self, message: Request | Done) -> None:
        self.socket.send_multipart([self.identity, encode(message)])

    def serve(self, seconds: float) -> None:
        """Answer the worker for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._serve_one(left)

    def _serve_one(self, seconds: float) -> None:
        if self.process.poll() is not None:
            raise BenchError(f"the worker ended with {self.process.returncode}")
        if not self.socket.poll(int(min(seconds, 1.0) * 1000) + 1):
            return
        self.identity, *frames = self.socket.recv_multipart()
        for frame in frames:
            self._take(frame)

    def _take(self, frame: bytes) -> None:
        match decode_frame(frame):
            case Request() as request:
                self._answer(request)
            case Event():
                pass
            case Done() | Refused() as reply:
                self.replies[reply.id] = reply
            case _:
                raise BenchError("the worker sends a frame of an unknown kind")

    def _answer(self, request: Request) -> None:
        body = decode_body(from_worker, request.body)
        if isinstance(body, WorkerHello):
            self.hello = body
            self._send(Done(id=request.id, body=raw(WorkerWelcome(session="bench"))))
        else:
            self.load = body.load
            self._send(Done(id=request.id, body=raw(Ok())))

    def await_hello(self) -> WorkerHello:
        """Wait until the worker is there."""
        until = time.monotonic() + 10
        while self.hello is None:
            self._serve_one(0.1)
            if time.monotonic() > until:
                raise BenchError("the worker does not say hello")
        return self.hello

    def ask(self, bodies: Iterable[OpenStream | CloseStream]) -> list[Done]:
        """Send requests, then wait for all replies."""
        ids: list[int] = []
        for body in bodies:
            self.asked += 1
            ids.append(self.asked)
            self._send(Request(id=self.asked, body=raw(body), session="bench"))
            if len(ids) % 50 == 0:
                self._await(ids)
        self._await(ids)
        return [self._done(self.replies.pop(id)) for id in ids]

    def _await(self, ids: Sequence[int]) -> None:
        until = time.monotonic() + 20
        while not all(id in self.replies for id in ids):
            self._serve_one(0.1)
            if time.monotonic() > until:
                raise BenchError("the worker does not answer")

    def _done(self, reply: Done | Refused) -> Done:
        if isinstance(reply, Refused):
            raise BenchError(f"the worker refuses: {reply.reason}")
        return reply

    # --------------------------------------------------------------------------- streams

    def open(self, count: int, play: AnySource, record: Path | None = None) -> list[int]:
        """Open streams that all send to the far end; return their ports."""
        remote = Remote(
            address=HOST,
            port=FAR_PORT,
            rtcp_port=FAR_PORT + 1,
            codec="PCMU",
            payload_type=0,
            receive_payload_type=0,
            events_payload_type=101,
            receive_events_payload_type=101,
        )
        done = self.ask(
            OpenStream(
                stream=StreamId(number),
                address=HOST,
                caller_is_remote=True,
                play=play,
                record="" if record is None else str(record / f"{number}.wav"),
                remote=remote,
            )
            for number in range(1, count + 1)
        )
        opened = (msgspec.msgpack.decode(reply.body, type=StreamOpened) for reply in done)
        return [reply.port for reply in opened]

    def close_streams(self, count: int) -> None:
        """Close what ``open`` opened."""
        self.ask(CloseStream(stream=StreamId(number)) for number in range(1, count + 1))

    def counters(self) -> Counters:
        """Add up the public table."""
        return counters(self.await_hello().table)

    def end(self) -> None:
        """Stop the worker."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.socket.close(linger=0)
        self.context.term()


@contextlib.contextmanager
def subject(
    cores: Cores, streams: int, *, realtime: bool, backend: str = "auto"
) -> Generator[Subject]:
    """Run a worker on its core, in a run directory of its own."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory) as folder:
        with pinned(cores.subject):
            worker = Subject(Path(folder), streams, realtime, backend)
        os.sched_setaffinity(0, {cores.rest})
        try:
            worker.await_hello()
            yield worker
        finally:
            worker.end()


class FarEnd:
    """loadgen, running."""

    def __init__(self, program: Path, cores: Cores, options: Sequence[str]) -> None:
        command = [str(program), "-p", str(FAR_PORT), *options]
        with pinned(cores.rest):
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        punctual(self.process.pid)

    def running(self) -> bool:
        """Tell whether it still measures."""
        return self.process.poll() is None

    def report(self) -> dict[str, object]:
        """Return what it measured."""
        output, _ = self.process.communicate(timeout=30)
        if self.process.returncode != 0:
            raise BenchError(f"loadgen ended with {self.process.returncode}")
        report: dict[str, object] = json.loads(output)
        return report

    def end(self) -> None:
        """Stop it, if it still runs."""
        if self.running():
            self.process.kill()
        self.process.communicate()


def calls_file(folder: Path, ports: Iterable[int]) -> Path:
    """Write loadgen's list of calls: our port, their address and port."""
    path = folder / "calls.txt"
    path.write_text("".join(f"{FAR_PORT} {HOST} {port}\n" for port in ports))
    return path
