"""A private engine: a supervisor of our own, in a run directory of its own, gone when we are.

It is gone in every case: at the end of the block, on an error in it, and (because it reads the pipe
that we hold) also when this process is killed.
"""

import asyncio
import logging
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Final

import msgspec

import bus
from bus.errors import LaunchError

BOOT_WITHIN: Final = 30.0
STOP_WITHIN: Final = 15.0

logger = logging.getLogger(__name__)

Value = str | int | float | bool


class Up(msgspec.Struct, frozen=True, kw_only=True):
    """What a supervisor prints once everything serves."""

    event: str
    run_dir: str = ""
    pid: int = 0
    listeners: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()


class Launched(msgspec.Struct, frozen=True):
    """A running engine."""

    up: Up
    run_dir: Path
    process: asyncio.subprocess.Process


@asynccontextmanager
async def launched(
    *, workers: int, sip: Sequence[str], settings: Mapping[str, Value]
) -> AsyncGenerator[Launched, None]:
    """Start an engine and stop it after the block.

    ``settings`` are dotted names (``media.realtime``).  Raises LaunchError, which quotes the last
    lines of the engine's log.
    """
    run_dir = _memory() / f"offhook-{secrets.token_hex(6)}"  # the supervisor makes and removes it
    with tempfile.TemporaryFile() as log:
        process = await _start(run_dir, workers, sip, settings, log)
        try:
            up = await _boot(process, log)
            reading = asyncio.create_task(_discard(process.stdout))
            try:
                yield Launched(up, run_dir, process)
            finally:
                reading.cancel()
        finally:
            await _stop(process)


def _memory() -> Path:
    """Return a folder in memory: tables on a disk would be written back to it."""
    for folder in (os.environ.get("XDG_RUNTIME_DIR", ""), "/dev/shm"):
        if folder and os.access(folder, os.W_OK | os.X_OK):
            return Path(folder)
    return Path(tempfile.gettempdir())


async def _start(
    run_dir: Path,
    workers: int,
    sip: Sequence[str],
    settings: Mapping[str, Value],
    log: IO[bytes],
) -> asyncio.subprocess.Process:
    listeners = [word for address in sip for word in ("--sip", address)]
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "bus", "up", "--json", "--with-stdin"),
        *("--run-dir", str(run_dir), "--workers", str(workers)),
        *listeners,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=environment(settings),
        start_new_session=True,  # Ctrl-C is for us: we hang up first
    )


def environment(settings: Mapping[str, Value]) -> dict[str, str]:
    """Return our environment with the settings in it, and with the folder we were loaded from."""
    given = {
        f"OFFHOOK__{name.replace('.', '__').upper()}": _text(value)
        for name, value in settings.items()
    }
    home = str(Path(bus.__file__).parent.parent)
    paths = [home, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, **given, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def _boot(process: asyncio.subprocess.Process, log: IO[bytes]) -> Up:
    """Wait for the line that says it is up."""
    assert process.stdout is not None
    try:
        async with asyncio.timeout(BOOT_WITHIN):
            while line := await process.stdout.readline():
                up = msgspec.json.decode(line, type=Up)
                if up.event == "up":
                    return up
    except TimeoutError:
        raise LaunchError(f"the engine was not up after {BOOT_WITHIN:g} s{_tail(log)}") from None
    await _stop(process)
    code = process.returncode
    raise LaunchError(f"the engine did not start, exit code {code}{_tail(log)}")


def _tail(log: IO[bytes]) -> str:
    """Return the last lines that the engine wrote on standard error."""
    log.seek(0)
    lines = log.read().decode(errors="replace").splitlines()[-8:]
    return "".join(f"\n  {line}" for line in lines)


async def _discard(stream: asyncio.StreamReader | None) -> None:
    """Read what is printed later, so that the pipe never fills."""
    while stream is not None and await stream.read(4096):
        pass


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End it; a cancellation meanwhile is obeyed afterwards, so that nothing is left behind."""
    ending = asyncio.ensure_future(_terminate(process))
    cancelled: asyncio.CancelledError | None = None
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def _terminate(process: asyncio.subprocess.Process) -> None:
    """Politely, else by force.

    Closing the pipe asks for the same as SIGTERM.  ``process.terminate()`` would look whether it
    has ended already, and so take the exit code away from the loop, which waits for it.
    """
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_WITHIN):
            await process.wait()
    except TimeoutError:
        logger.warning("the engine's supervisor (%d) did not stop; killed", process.pid)
        process.kill()
        await process.wait()
