"""Our engine as one process tree: started like a user starts it, and checked to leave nothing."""

import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, cast

from tests.peers.plain_client import PlainClient
from tests.peers.ports import bound_ports, free_port, is_free
from tests.peers.processes import Running, eventually

ROOT: Final = Path(__file__).parent.parent.parent
RTP_PORTS: Final = 2000


class Engine(Running):
    """``offhook up`` in a run directory of its own, on a free SIP port of 127.0.0.1.

    ``sip`` is its URI without a user, ``127.0.0.1:PORT``.  A context manager that stops it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        workers: int = 1,
        settings: Mapping[str, str | int | float] | None = None,
        transports: Sequence[str] = ("udp", "tcp"),
        sip_port: int = 0,
        rtp_first: int = 0,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.run_dir = folder / "run"
        self.sip_port = sip_port or free_port()
        self.rtp_first = rtp_first or _rtp_block()
        self._others = bound_ports("udp")
        self.sip = f"127.0.0.1:{self.sip_port}"
        command = [
            sys.executable,
            "-P",
            "-m",
            "bus",
            "up",
            "--json",
            "--run-dir",
            str(self.run_dir),
        ]
        command += ["--workers", str(workers)]
        for transport in transports:
            command += ["--sip", f"{transport}:{self.sip}"]
        chosen: dict[str, str | int | float] = {
            "media.port_first": self.rtp_first,
            "media.port_last": self.rtp_first + RTP_PORTS - 1,
            "log.level": "warning",
            **(settings or {}),
        }
        environ = {
            "OFFHOOK__" + key.upper().replace(".", "__"): str(value)
            for key, value in chosen.items()
        }
        super().__init__(
            command,
            folder=folder,
            log="engine.log",
            environ={**environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"},
        )
        self.up: dict[str, object] = {}

    def wait_up(self, seconds: float = 15.0) -> None:
        """Return when signaling and all workers serve."""
        self.up = eventually("the engine is up", lambda: self._line("up"), seconds=seconds)

    def _line(self, event: str) -> dict[str, object] | None:
        """Return the last line of this event that it has printed."""
        assert self.alive(), f"the engine ended with {self.process.returncode}\n{self.output()}"
        for line in reversed(self.output().splitlines()):
            if line.startswith("{"):
                fields = cast("dict[str, object]", json.loads(line))
                if fields.get("event") == event:
                    return fields
        return None

    def client(self, name: str = "test") -> PlainClient:
        """Return a new client of the control bus, welcomed."""
        return PlainClient(self.run_dir / "control.sock", name)

    def processes(self) -> dict[str, int]:
        """Return the pid of each child by its name (``signaling``, ``w0`` ...), while serving."""
        with PlainClient(self.run_dir / "supervisor.sock", "test", greet=False) as supervisor:
            reply = supervisor.request("list_processes")
        rows = cast("list[dict[str, object]]", reply["processes"])
        return {str(row["name"]): int(str(row["pid"])) for row in rows if row["state"] == "serving"}

    def pid_of(self, name: str) -> int:
        """Return the pid of a child that serves; wait for it if it is just being started."""
        return eventually(f"{name} serves", lambda: self.processes().get(name))

    def scale(self, workers: int) -> None:
        """Ask the supervisor for so many workers."""
        with PlainClient(self.run_dir / "supervisor.sock", "test", greet=False) as supervisor:
            supervisor.request("scale", workers=workers)

    def family(self) -> set[int]:
        """Return the pids of all processes that name our run directory."""
        found: set[int] = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    command = (entry / "cmdline").read_bytes()
                    zombie = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
                except OSError:
                    continue
                if str(self.run_dir).encode() in command and not zombie:
                    found.add(int(entry.name))
        return found

    def check_nothing_left(self, seconds: float = 5.0) -> None:
        """Assert that no process, no port and no socket or table file of ours is left."""
        eventually("all processes are gone", lambda: not self.family(), seconds=seconds)
        eventually("its SIP port is free", lambda: is_free(self.sip_port), seconds=seconds)
        eventually("its RTP ports are free", lambda: not self._rtp_ports(), seconds=seconds)
        left = [path.name for path in self.run_dir.glob("*")] if self.run_dir.exists() else []
        assert not left, f"files left in the run directory: {left}"

    def _rtp_ports(self) -> set[int]:
        """Return which of our RTP ports are bound now and were free before we began."""
        ours = range(self.rtp_first, self.rtp_first + RTP_PORTS)
        return {port for port in bound_ports("udp") if port in ours} - self._others

    def stop_cleanly(self, seconds: float = 15.0) -> None:
        """SIGTERM; then exit code 0 and nothing left."""
        self.signal(signal.SIGTERM)
        assert self.wait(seconds) == 0, self.output()[-3000:]
        self.check_nothing_left()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it, and whatever of its family would be left."""
        self.stop(10.0)
        for pid in self.family():
            _kill(pid)
        shutil.rmtree(self.run_dir, ignore_errors=True)


def _kill(pid: int) -> None:
    """Kill a process of the family that may just have ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


_next_block = os.getpid() % 6


def _rtp_block() -> int:
    """Return the first of a block of RTP ports, another one each time, below the ephemeral ones."""
    global _next_block
    _next_block = (_next_block + 1) % 6
    return 20000 + _next_block * RTP_PORTS
