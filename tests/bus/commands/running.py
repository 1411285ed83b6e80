"""The command ``offhook`` as a process, and what it printed."""

import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, cast

from tests.peers.engine import Engine
from tests.peers.processes import Running, eventually

ROOT: Final = Path(__file__).parent.parent.parent.parent
OFFHOOK: Final = (sys.executable, "-P", "-m", "bus")
PRIVATE_PORTS: Final = {"OFFHOOK__MEDIA__PORT_FIRST": "32000", "OFFHOOK__MEDIA__PORT_LAST": "32767"}
"""For private engines: not the ports of which other tests assert that they are free."""
Line = dict[str, object]


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return ours, with this checkout on the path and no engine to be found by default."""
    here = {"XDG_RUNTIME_DIR": "", "PYTHONPATH": str(ROOT)}
    return {**os.environ, **here, **PRIVATE_PORTS, **extra}


def offhook(*words: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*OFFHOOK, *map(str, words)],
        env=environment(environ),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def lines_of(text: str) -> list[Line]:
    """Return the JSON objects, one a line."""
    return [cast("Line", json.loads(line)) for line in text.splitlines() if line.startswith("{")]


class Offhook(Running):
    """A command that goes on; with ``--json``."""

    def __init__(self, folder: Path, *words: str | Path, log: str = "command.log") -> None:
        command = [*OFFHOOK, *map(str, words), "--json"]
        super().__init__(command, folder=folder, log=log, environ=environment({}))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it politely: a subscriber that vanishes would be offered calls for a while."""
        self.stop()

    def lines(self) -> list[Line]:
        """Return what it has printed so far."""
        return lines_of(self.output())

    def wait_for(self, event: str, count: int = 1) -> Line:
        """Return the ``count``-th object of this event, as soon as it is printed."""

        def found() -> Line | None:
            assert self.alive() or len(self.of(event)) >= count, self.output()
            return self.of(event)[count - 1] if len(self.of(event)) >= count else None

        return eventually(f"{event} is printed, only:\n{self.output()}", found, seconds=20)

    def of(self, event: str) -> list[Line]:
        """Return the objects of this event."""
        return [line for line in self.lines() if line["event"] == event]


@contextmanager
def talking(engine: Engine, folder: Path) -> Generator[tuple[Offhook, Offhook], None, None]:
    """Let ``offhook call`` and ``offhook answer`` talk to each other through the engine."""
    run_dir = ("--run-dir", engine.run_dir)
    with Offhook(folder, "answer", *run_dir, "--play", "tone:440", log="answer.log") as callee:
        callee.wait_for("ready")
        uri = f"sip:someone@{engine.sip}"
        with Offhook(folder, "call", uri, *run_dir, log="call.log") as caller:
            caller.wait_for("answered")
            yield caller, callee
