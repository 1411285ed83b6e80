"""Where a worker's memory lies, and what of it has a name.

Without a name, in memory that ends with the last process that maps it: the streams, the pool, the
recording rings and those of applications, which open the latter as a descriptor of ours in /proc.
Two files have a name, for any process of the same user to look at:

    <run directory>/<worker>.public     what the streams are like      (``bus.tables``)
    <run directory>/<worker>.state      how the worker itself is

A file of that name which an earlier process left is replaced, atomically.
"""

import fcntl
import os
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import numpy as np

from bus.audio_rings import AudioRings
from bus.columns import HEADER, Column, Table
from bus.ids import WorkerId
from bus.tables import PublicStreams, WorkerState
from mediaworker.clerk import Shared
from mediaworker.files import locked, map_pool
from mediaworker.pool import SAMPLES
from mediaworker.streams import RECORDINGS, RINGS, Recordings

AnyTable = TypeVar("AnyTable", bound=Table)
SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class Memory(NamedTuple):
    """What a worker shares with its files process."""

    shared: Shared
    pool: Column[np.int16]
    recordings: Recordings
    audio: AudioRings
    """Shared with applications."""


class Named(NamedTuple):
    """The tables that others read."""

    public: PublicStreams
    state: WorkerState


def make_memory(run_dir: Path) -> Memory:
    """Make the memory without a name.  Raises NoRoomError or OSError."""
    pool = os.memfd_create("pool")
    os.ftruncate(pool, 2 * SAMPLES)
    recordings, descriptor = unnamed(Recordings, RECORDINGS, run_dir)
    audio, _ = unnamed(AudioRings, RINGS, run_dir, sealed=True)
    return Memory(Shared(pool, descriptor), map_pool(pool), recordings, audio)


def make_named(run_dir: Path, worker: WorkerId, streams: int) -> Named:
    """Make the two files, in place of those that are there.  Raises NoRoomError or OSError."""
    return Named(
        replace(PublicStreams, streams, run_dir / f"{worker}.public"),
        replace(WorkerState, 1, run_dir / f"{worker}.state"),
    )


def replace(kind: type[AnyTable], rows: int, path: Path) -> AnyTable:
    """Make a table; whoever opens the path gets the old one or the new one, whole."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    table = kind.create(draft, rows)
    with locked(path.parent):
        draft.replace(path)
    table.path = path
    return table


def unnamed(
    kind: type[AnyTable], rows: int, folder: Path, *, sealed: bool = False
) -> tuple[AnyTable, int]:
    """Make a table in memory; return it and the descriptor that others open it by.

    ``sealed``: whoever maps it cannot change its size, which would be a SIGBUS for us.
    """
    draft = folder / f"draft.{os.getpid()}"
    draft.unlink(missing_ok=True)
    kind.create(draft, rows, sparse=True)
    descriptor = os.memfd_create(kind.__name__, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with draft.open("rb") as file:
        os.pwrite(descriptor, file.read(HEADER.size), 0)
        os.ftruncate(descriptor, os.fstat(file.fileno()).st_size)
    draft.unlink()
    if sealed:
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
    return kind.open(Path(f"/proc/self/fd/{descriptor}"), write=True), descriptor
