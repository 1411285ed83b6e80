"""What the supervisor says: lines for a person, or one JSON object a line for a script.

The first line of ``--json`` is ``up`` (or ``failed``), then come ``child`` for every change of one,
and ``down`` at the end.  Each is written out at once.
"""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from socket import AF_UNIX, SOCK_DGRAM, socket

import msgspec

from bus.children import Child, State
from bus.orders import Changed, Finish, Up


class Announcer:
    """Writes to standard output.  A reader that went away is no reason to stop."""

    def __init__(self, run_dir: Path, *, as_json: bool) -> None:
        self.run_dir = run_dir
        self.as_json = as_json
        self.up = False

    def say_up(self, up: Up) -> None:
        """Signaling and the workers serve."""
        self.up = True
        notify_systemd("READY=1")
        if self.as_json:
            self._line(
                "up",
                run_dir=str(self.run_dir),
                pid=os.getpid(),
                listeners=up.listeners,
                workers=up.workers,
            )
            return
        self._text(f"offhook is up: process {os.getpid()}, run directory {self.run_dir}")
        self._text(f"  SIP      {' '.join(up.listeners) or 'nowhere'}")
        self._text(f"  workers  {' '.join(up.workers)}")

    def say_changed(self, changed: Changed) -> None:
        """Tell of a child; before ``up`` only a person hears of it, and only of trouble."""
        child = changed.child
        if self.as_json:
            if self.up:
                self._line(
                    "child",
                    name=child.name,
                    role=child.role,
                    pid=child.pid,
                    state=child.state,
                    restarts=max(0, child.starts - 1),
                    last_exit=child.last_exit,
                )
        elif self.up or child.last_exit:
            self._text(f"{child.name}{_process(child)}: {_words(child)}")

    def say_waiting(self, name: str, pid: int) -> None:
        """Tell a person what the start waits for."""
        sys.stderr.write(
            f"waiting for {name} (process {pid}) of an earlier engine in {self.run_dir} to end\n"
        )

    def say_stopping(self) -> None:
        """Tell a person that the signal was heard."""
        notify_systemd("STOPPING=1")
        if not self.as_json:
            self._text("stopping (again to hurry)")

    def say_finish(self, finish: Finish) -> None:
        """Say the last word."""
        if finish.reason:
            sys.stderr.write(f"offhook: {finish.reason}\n")
        if self.as_json:
            self._line("down" if self.up else "failed", code=finish.code, reason=finish.reason)

    def _line(self, event: str, **entries: object) -> None:
        line = {"event": event, **entries, "at": time.time()}
        self._text(msgspec.json.encode(line).decode())

    def _text(self, text: str) -> None:
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), sys.stdout.fileno())


def notify_systemd(state: str) -> None:
    """Tell systemd, if it started us (sd_notify(3)); otherwise nobody."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with suppress(OSError), socket(AF_UNIX, SOCK_DGRAM) as sending:
        sending.sendto(state.encode(), address.replace("@", "\0", 1))


def _process(child: Child) -> str:
    return f" (process {child.pid})" if child.pid else ""


def _words(child: Child) -> str:
    why = f" after {child.last_exit}" if child.last_exit else ""
    match child.state:
        case State.BACKING_OFF:
            return f"ended ({child.last_exit})" if child.last_exit else "comes later"
        case State.FAILED:
            return f"given up{why}"
        case State.SERVING:
            return "serves"
        case State.DRAINING:
            return "drains: takes no new calls and ends with its last one"
        case State.STARTING | State.STOPPING | State.GONE:
            return child.state
