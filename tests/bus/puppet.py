"""A small stand-in for signaling and mediaworker, and a supervisor that starts it.

``python -m tests.bus.puppet supervise RUN_DIR SETTINGS`` runs the supervisor, whose children are
this file.  ``PUPPETS`` in the environment is a JSON map from a child's name to its ``Manner``.
"""

import os
import signal
import sys
from pathlib import Path

import msgspec
import zmq

from bus.calls import Ok
from bus.codec import decode_body, decode_frame, encode, raw
from bus.envelope import Done, Refused, Request
from bus.loading import read_settings
from bus.processes import Commands
from bus.rundir import leave
from bus.sockets import connect_dealer, endpoint
from bus.supervisor import run
from bus.tables import WorkerState
from bus.workers import Activate, ChildHello, Stop, ToChild

BODIES = msgspec.msgpack.Decoder(ToChild)
HERE = (sys.executable, "-P", "-m", "tests.bus.puppet", "child")


class Manner(msgspec.Struct):
    """How a puppet behaves."""

    exit_at_once: int = -1
    silent: bool = False
    """Never says hello."""
    deaf: bool = False
    """Takes no SIGTERM."""
    refuses_stop: bool = False
    busy: bool = False
    """Has calls: drains until the file ``<name>.free`` is there."""
    hangs: bool = False
    """Its tick stands still."""
    stays_orphaned: bool = False
    """Outlives its supervisor until the file ``<name>.free`` is there."""


class Child:
    """One process: says hello, ticks, does as told."""

    def __init__(self, words: dict[str, str]) -> None:
        self.run_dir = Path(words["--run-dir"])
        self.parent = int(words["--parent"])
        self.name = words.get("--worker") or words.get("--standby") or "signaling"
        self.role = {"w": "worker"}.get(self.name[0], self.name.partition("-")[0])
        manners = msgspec.json.decode(os.environ.get("PUPPETS", "{}"), type=dict[str, Manner])
        self.manner = manners.get(self.name, Manner())
        self.terminating = False
        self.draining = False
        read_settings(Path(words["--settings"]))

    def run(self) -> int:
        if self.manner.exit_at_once >= 0:
            return self.manner.exit_at_once
        signal.signal(signal.SIGTERM, self.terminated)
        self.state = self.table()
        context = zmq.Context[zmq.SyncSocket]()
        self.socket = connect_dealer(context, endpoint(self.run_dir, "supervisor"))
        unsaid = not self.manner.silent
        while not self.ended():
            if unsaid and self.socket.poll(10, zmq.POLLOUT):
                self.socket.send(encode(Request(id=1, body=raw(self.hello()))))
                unsaid = False
            if self.socket.poll(10):
                self.received(self.socket.recv())
            if not self.manner.hangs:
                self.state.tick[0] += 1
        context.destroy(linger=0)
        (self.run_dir / f"{self.name}.state").unlink(missing_ok=True)
        if os.getppid() != self.parent:
            leave(self.run_dir)
        return 0

    def hello(self) -> ChildHello:
        return ChildHello(
            role=self.role, name=self.name, pid=os.getpid(), listeners=(f"udp:{self.name}:5060",)
        )

    def table(self) -> WorkerState:
        path = self.run_dir / f"{self.name}.state"
        path.unlink(missing_ok=True)
        table = WorkerState.create(path, 1)
        table.pid[0], table.tick[0] = os.getpid(), 1
        return table

    def ended(self) -> bool:
        free = (self.run_dir / f"{self.name}.free").exists()
        if os.getppid() != self.parent:
            return free or not self.manner.stays_orphaned
        return self.terminating or (self.draining and (free or not self.manner.busy))

    def terminated(self, *_: object) -> None:
        self.terminating = not self.manner.deaf

    def received(self, frame: bytes) -> None:
        request = decode_frame(frame)
        if not isinstance(request, Request):
            return
        body: Activate | Stop = decode_body(BODIES, request.body)
        match body:
            case Stop() if self.manner.refuses_stop:
                refused = Refused(id=request.id, code="refused", reason="I do not")
                self.socket.send(encode(refused))
                return
            case Stop():
                self.draining = True
            case Activate(worker=worker):
                self.name = worker
                self.state = self.table()
        self.socket.send(encode(Done(id=request.id, body=raw(Ok()))))


def main(words: list[str]) -> int:
    if words[0] == "supervise":
        commands = Commands(signaling=HERE, mediaworker=HERE)
        return run(read_settings(Path(words[2])), Path(words[1]), as_json=True, commands=commands)
    return Child(dict(zip(words[1::2], words[2::2], strict=True))).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
