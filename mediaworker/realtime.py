"""Asking the system for punctuality, and giving it back when it does harm.

Three CPU hogs on two cores make a 20 ms sleep late by 14 ms at p99; at nice -11 by 2.6 ms, under
SCHED_RR by 0.06 ms.  What is granted depends on privileges, so each step may fail silently, and
what was obtained is shown.
"""

import contextlib
import ctypes
import gc
import os
import resource
from collections.abc import Sequence
from typing import Final

PRIORITY: Final = 10
NICENESS: Final = -11
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4
OVERRUNS: Final = 200
"""So many late ticks in a row (one second) and we are the hog ourselves."""


def prepare(*, realtime: bool) -> bool:
    """Set limits, lock memory, and stop the garbage collector; call it after all imports.

    A core dump would hold the ports and the files of a dead worker for seconds: there is none.
    Tells whether memory could be locked.
    """
    _raise_limits()
    locked = realtime and _lock_memory()
    gc.collect()
    gc.freeze()
    gc.disable()
    return locked


def pin(cores: Sequence[int], number: int) -> int | None:
    """Keep this process on one of ``cores``, in turn by its number; return which, if it could be.

    Those that this process may not use are passed over.
    """
    usable = [core for core in cores if core in os.sched_getaffinity(0)]
    if not usable:
        return None
    core = usable[number % len(usable)]
    os.sched_setaffinity(0, {core})
    return core


def enter(*, realtime: bool) -> str:
    """Change this thread's scheduling; call it last.  Returns ``rr:10``, ``nice:-11``, ``normal``.

    Children do not inherit it, nor do threads that were started before.
    """
    if not realtime:
        return "normal"
    with contextlib.suppress(OSError):
        policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(PRIORITY))
        return f"rr:{PRIORITY}"
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
        return f"nice:{NICENESS}"
    return "normal"


def leave() -> str:
    """Go back to normal scheduling."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return "normal"


class Overruns:
    """Notices that ticks are late again and again, so that real time must be given up."""

    def __init__(self) -> None:
        self.in_row = 0

    def note(self, *, late: bool) -> bool:
        """Count one tick; True once, when so many in a row were late."""
        self.in_row = self.in_row + 1 if late else 0
        return self.in_row == OVERRUNS


def _raise_limits() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _lock_memory() -> bool:
    """Keep what was touched in memory; ONFAULT, or large sparse tables would become resident."""
    library = ctypes.CDLL(None, use_errno=True)
    return int(library.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) == 0
