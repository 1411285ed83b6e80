"""A real worker process, its run directory, and the test as its signaling."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

import mediaworker
from bus.loading import write_settings
from bus.settings import LogSettings, MediaSettings, Settings, SupervisorSettings
from tests.mediaworker.signaling_role import SignalingRole

MEDIA = MediaSettings(streams=64, port_first=30000, port_last=39999, realtime=False, port_rest=0.5)
SETTINGS = Settings(
    media=MEDIA,
    supervisor=SupervisorSettings(drain=30.0, orphan_grace=1.0),
    log=LogSettings(level="warning"),
)


class ProcessRole:
    """Starts a worker; ``signaling`` is what it talks to."""

    def __init__(self, run_dir: Path, settings: Settings = SETTINGS) -> None:
        self.run_dir = run_dir
        self.signaling = SignalingRole(run_dir)
        self.processes: list[subprocess.Popen[bytes]] = []
        write_settings(run_dir / "settings.json", settings)

    def start(self, *options: str, settings: str = "settings.json") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "mediaworker", "--run-dir", str(self.run_dir)]
        command += ["--settings", str(self.run_dir / settings), *options]
        home = str(Path(mediaworker.__file__).parent.parent)
        process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": home}, cwd="/")
        self.processes.append(process)
        return process

    def worker(self) -> SignalingRole:
        """Start ``w0`` and welcome it."""
        self.start("--worker", "w0")
        self.signaling.welcome()
        return self.signaling

    def ended(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for its end, as signaling that answers; return the exit code."""
        while process.poll() is None:
            if self.signaling.socket.poll(10):
                self.signaling.handle(self.signaling.receive())
        return process.returncode

    def files(self) -> set[str]:
        """The names in the run directory that a worker made."""
        return {path.name for path in self.run_dir.iterdir()} - {"settings.json", "workers.sock"}

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
        self.signaling.close()


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until it holds; the test's own time limit says for how long."""
    give_up_at = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < give_up_at
        time.sleep(0.005)


def with_supervisor(**changes: float) -> Settings:
    """Return the settings with other supervisor settings."""
    supervisor = msgspec.structs.replace(SETTINGS.supervisor, **changes)
    return msgspec.structs.replace(SETTINGS, supervisor=supervisor)
