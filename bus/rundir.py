"""The run directory: whose it is, who still lives in it, and what is swept out.

    supervisor.lock     locked by the supervisor; its pid, and ``made`` if it made the directory
    <name>.lock         locked by a child as long as it lives, by an inherited descriptor; its pid
    *.sock              the bus
    settings.json       what the children read
    <name>.*            tables and other files of a worker

Locks are ``flock``: the kernel drops them when the process is gone, however it went.  So a file
that nobody locks is a leftover, and a lock that is held names a process that lives.
"""

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from bus.errors import LaunchError

LOCK_DESCRIPTOR: Final = 3
"""Where a child finds its own lock."""
SUPERVISOR_LOCK: Final = "supervisor.lock"
SETTINGS: Final = "settings.json"
MADE: Final = "made"
OURS: Final = re.compile(
    r"(control|workers|events|supervisor)\.sock|settings\.json(\.\d+)?|draft\.\d+|"
    r"\.?(signaling|w\d+|standby-\d+)\..+"
)
"""Every name that the engine gives to a file here; others are not touched."""


class Resident(msgspec.Struct, frozen=True):
    """A child of an earlier supervisor that still lives."""

    name: str
    pid: int


class Lock:
    """A locked file; ``descriptor`` may be inherited, and the lock with it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor

    def write(self, pid: int, note: str = "") -> None:
        """Say who holds it."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{pid} {note}\n".encode(), 0)

    def close(self) -> None:
        """Drop it, unless a child has inherited it."""
        os.close(self.descriptor)

    def remove(self) -> None:
        """Drop it and its file."""
        self.path.unlink(missing_ok=True)
        self.close()


def acquire(path: Path) -> Lock | None:
    """Lock a file, made if need be; None if somebody else holds it.  Raises LaunchError."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LaunchError(f"cannot lock {path}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if _is_still(path, descriptor):
            return Lock(path, descriptor)
        os.close(descriptor)  # its last holder removed the file between our two steps


def claim(run_dir: Path, *, made: bool) -> Lock:
    """Take the run directory for this process; LaunchError names the supervisor that has it."""
    path = run_dir / SUPERVISOR_LOCK
    lock = acquire(path)
    if lock is None:
        raise LaunchError(f"{run_dir} belongs to a supervisor that runs (pid {_pid(path)})")
    lock.write(os.getpid(), MADE if made else "")
    return lock


def residents(run_dir: Path) -> Iterator[Resident]:
    """Yield the children of an earlier supervisor that still live."""
    for path in sorted(run_dir.glob("*.lock")):
        if not OURS.fullmatch(path.name):
            continue
        lock = acquire(path)
        if lock is None:
            yield Resident(path.stem, _pid(path))
        else:
            lock.close()


def sweep(run_dir: Path, name: str = "") -> None:
    """Remove the engine's files, or those of one child; call it when nobody uses them."""
    for path in list(run_dir.iterdir()):
        belongs = path.name.lstrip(".").startswith(f"{name}.") if name else True
        if belongs and OURS.fullmatch(path.name):
            with suppress(OSError):
                path.unlink()


def leave(run_dir: Path) -> None:
    """Clean up as the last child of a supervisor that died; otherwise do nothing.

    For a child to call at its very end, after it noticed that its parent is gone.
    """
    path = run_dir / SUPERVISOR_LOCK
    if not path.exists():
        return
    lock = _acquire_among_leavers(path)
    if lock is None:
        return  # a new supervisor is there, and will sweep
    for own in run_dir.glob("*.lock"):
        if own != path and (_pid(own) == os.getpid() or _is_still(own, LOCK_DESCRIPTOR)):
            own.unlink(missing_ok=True)
    if next(residents(run_dir), None) is not None:
        lock.close()
        return
    sweep(run_dir)
    vacate(run_dir, lock)


def _acquire_among_leavers(path: Path) -> Lock | None:
    """Take turns with others that leave; None if a supervisor that lives has the lock."""
    while (lock := acquire(path)) is None:
        if _lives(_pid(path)):
            return None
        time.sleep(0.005)
    return lock


def vacate(run_dir: Path, lock: Lock) -> None:
    """Give the run directory up; it goes too if a supervisor made it and nothing is left in it."""
    made = MADE in _words(lock.path)
    lock.remove()
    if made:
        with suppress(OSError):
            run_dir.rmdir()


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:  # no such file, or (a child started by hand) no such descriptor
        return False


def _lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not reaped does not (proc(5), stat)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def _pid(path: Path) -> int:
    words = _words(path)
    return int(words[0]) if words and words[0].isdecimal() else 0


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except (OSError, ValueError):
        return []
