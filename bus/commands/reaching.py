"""Which engine a command talks to: the one that runs in the run directory, or its own."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bus.engine import Engine
from bus.errors import EngineLostError
from bus.sockets import default_run_dir, endpoint


def chosen(run_dir: Path | None) -> Path:
    """Return the run directory that is meant."""
    return run_dir if run_dir is not None else default_run_dir(dict(os.environ))


def runs_in(run_dir: Path) -> bool:
    """Return whether somebody listens on the control socket there."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(endpoint(run_dir, "control").removeprefix("ipc://"))
        except OSError:
            return False
    return True


@asynccontextmanager
async def running_engine(run_dir: Path | None) -> AsyncGenerator[Engine, None]:
    """Use the engine that runs.  Raises EngineLostError, which says where none does."""
    where = chosen(run_dir)
    if not runs_in(where):
        raise EngineLostError(f"no engine runs in {where}; start one with: offhook up")
    async with Engine.connect(where) as engine:
        yield engine


@asynccontextmanager
async def some_engine(
    run_dir: Path | None, sip: Sequence[str], workers: int = 1
) -> AsyncGenerator[Engine, None]:
    """Use the engine that runs, or one of our own with these listeners."""
    where = chosen(run_dir)
    if runs_in(where):
        async with Engine.connect(where) as engine:
            yield engine
        return
    if run_dir is not None:
        sys.stderr.write(f"offhook: no engine runs in {run_dir}; starting one of our own\n")
    async with Engine.launch(workers=workers, sip=sip) as engine:
        yield engine


def local_address(host: str) -> str:
    """Return the address of this machine from which a host is reached."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(address)  # sends nothing
            mine = str(probe.getsockname()[0])
    except OSError:
        return "127.0.0.1"
    return f"[{mine}]" if ":" in mine else mine


def interrupted() -> asyncio.Event:
    """Return an event that the first SIGINT or SIGTERM sets; a second one cancels the command."""
    asked = asyncio.Event()
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def on_signal() -> None:
        if asked.is_set() and task is not None:
            task.cancel()
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    return asked
