"""Starting, signalling and reaping children: the system calls, and no decisions.

A child is exec'ed, never forked, in a session of its own, so that a Ctrl-C in the terminal reaches
the supervisor alone.  Standard input is ``/dev/null``, and what it writes on standard output joins
standard error, because our standard output is for scripts.  It dumps no core.

Descriptor ``LOCK_DESCRIPTOR`` of a child is a locked file in the run directory
(``bus.rundir``): the kernel unlocks it when the process, however it ends, is gone.
"""

import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec

from bus.children import Role
from bus.errors import LaunchError
from bus.rundir import LOCK_DESCRIPTOR

PACKAGES: Final = ("bus", "signaling", "mediaworker")
LOW: Final = 10
"""Nice value of a standby while it starts."""
CAP_SYS_NICE: Final = 1 << 23
PR_SET_CHILD_SUBREAPER: Final = 36


class Commands(msgspec.Struct, frozen=True, kw_only=True):
    """How the children are started: the beginnings of their command lines."""

    signaling: tuple[str, ...] = (sys.executable, "-P", "-m", "signaling")
    mediaworker: tuple[str, ...] = (sys.executable, "-P", "-m", "mediaworker")

    def line(self, role: Role, name: str, run_dir: Path, settings: Path) -> list[str]:
        """Return the whole command line of a child of this process."""
        common = ["--run-dir", str(run_dir), "--settings", str(settings)]
        parent = ["--parent", str(os.getpid())]
        match role:
            case Role.SIGNALING:
                return [*self.signaling, *common, *parent]
            case Role.WORKER:
                return [*self.mediaworker, *common, "--worker", name, *parent]
            case Role.STANDBY:
                return [*self.mediaworker, *common, "--standby", name, *parent]


def home() -> Path:
    """Return the folder that all three packages come from.

    Raises LaunchError if one is missing or comes from elsewhere: a foreign package of the same
    name, or two versions of ours.
    """
    places = {package: _place(package) for package in PACKAGES}
    if len(set(places.values())) > 1:
        found = ", ".join(f"{package} from {place}" for package, place in places.items())
        raise LaunchError(f"the packages must come from one place, but there is {found}")
    return places[PACKAGES[0]]


ALONE = "OPENBLAS_NUM_THREADS"
"""A matrix product that waits for other threads is late: numpy is to use the one that asks."""


def environment(place: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return a child's environment: ours, with ``place`` first on the path."""
    rest = environ.get("PYTHONPATH")
    path = os.pathsep.join([str(place), rest] if rest else [str(place)])
    return {ALONE: "1", **environ, "PYTHONPATH": path}


def spawn(line: list[str], environ: Mapping[str, str], lock: int) -> int:
    """Start a process that holds ``lock`` (a descriptor); return its pid.  Raises OSError."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, 2, 1),
        (os.POSIX_SPAWN_DUP2, lock, LOCK_DESCRIPTOR),
    ]
    defaults = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD]
    pid = os.posix_spawn(
        line[0],
        line,
        dict(environ),
        file_actions=actions,
        setsid=True,
        setsigmask=[],
        setsigdef=defaults,
    )
    resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
    return pid


def reap() -> Iterator[tuple[int, int]]:
    """Collect every child that ended: its pid, and its exit code or the negative signal."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def kill(pid: int, number: signal.Signals) -> None:
    """Signal a process; one that has ended meanwhile is no error."""
    if pid > 0:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def adopt_descendants() -> None:
    """Become the parent of whatever our children leave behind, so that we can see it end."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants(patience: float) -> None:
    """Wait up to ``patience`` seconds for what was left behind to end, then kill it."""
    give_up_at = time.monotonic() + patience
    while left := _children(os.getpid()):
        for _ in reap():
            pass
        if time.monotonic() > give_up_at:
            for pid in left:
                kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def may_raise_priority() -> bool:
    """Return whether what we made nice can be made normal again."""
    status = Path("/proc/self/status").read_text()
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) & CAP_SYS_NICE)


def renice(pid: int, before: int, after: int) -> None:
    """Set the nice value of those threads of a process and its descendants that have ``before``."""
    try:
        for thread in _threads(pid):
            if os.getpriority(os.PRIO_PROCESS, thread) == before:
                os.setpriority(os.PRIO_PROCESS, thread, after)
        for child in _children(pid):
            renice(child, before, after)
    except OSError:
        return  # it ended meanwhile, or has put itself out of our reach


def _threads(pid: int) -> list[int]:
    return [int(each.name) for each in Path(f"/proc/{pid}/task").iterdir()]


def _children(pid: int) -> list[int]:
    """Return the children of a process, those included that have ended and were not reaped."""
    tasks = [Path(f"/proc/{pid}/task/{thread}/children") for thread in _threads(pid)]
    return [int(child) for task in tasks for child in task.read_text().split()]


def _place(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise LaunchError(f"the package {package} is missing")
    return Path(spec.origin).resolve().parent.parent
