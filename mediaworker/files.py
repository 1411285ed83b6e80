"""The files process of a worker: everything that touches a disk, so that the tick never does.

    worker --- Fetch, Start, Stop ---> files      loads sounds into the pool
           <-- Fetched, Started, ... -            drains the recording rings into WAV files

It ends when its worker does, however that came about: then it writes what is left in the rings,
which makes every recording whole, and unlinks the files that its worker left behind.
"""

import argparse
import contextlib
import fcntl
import mmap
import os
import select
import signal
import socket
import time
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import Final, assert_never

import numpy as np

from bus.columns import Column
from bus.logs import configure
from mediaworker.filing import (
    LONGEST_PACKET,
    Drop,
    Fetch,
    FromFiles,
    Keep,
    Own,
    Ready,
    Start,
    Stop,
    ToFiles,
    decode_to_files,
    encode,
)
from mediaworker.pool import Pool
from mediaworker.recorder import Recorder
from mediaworker.shelf import Shelf
from mediaworker.streams import Recordings

EVERY: Final = 0.06
"""Seconds between two drains; a ring holds five seconds."""


def map_pool(descriptor: int) -> Column[np.int16]:
    """Map a pool's memory, whose length is its file's."""
    memory = mmap.mmap(descriptor, os.fstat(descriptor).st_size)
    return np.frombuffer(memory, np.int16)


class Files:
    """The process."""

    def __init__(self, link: socket.socket, pool: int, recordings: Recordings) -> None:
        def back(offset: int, samples: int) -> None:
            os.posix_fallocate(pool, 2 * offset, 2 * samples)

        memory = map_pool(pool)
        self.link = link
        self.shelf = Shelf(memory, Pool(len(memory)), back)
        self.recorder = Recorder(recordings)
        self.owned: dict[Path, int] = {}

    def run(self) -> None:
        """Serve until the worker is gone, then clean up after it."""
        self._send(Ready())
        drained_at = 0.0
        while self._serve(0.0 if self.shelf.work else EVERY):
            if (now := time.monotonic()) - drained_at >= EVERY:
                drained_at = now
                self.recorder.drain()
            if self.shelf.work:
                for message in self.shelf.step():
                    self._send(message)
        self.recorder.close()
        unlink_held(self.owned)

    def _serve(self, timeout: float) -> bool:
        """Wait for a packet and do what it says; False when the worker is gone."""
        if not select.select([self.link], [], [], timeout)[0]:
            return True
        try:
            packet = self.link.recv(LONGEST_PACKET)
        except ConnectionResetError:
            packet = b""
        if not packet:
            return False
        answer = self._apply(decode_to_files(packet))
        if answer is not None:
            self._send(answer)
        return True

    def _apply(self, message: ToFiles) -> FromFiles | None:
        match message:
            case Fetch(token, source):
                return self.shelf.fetch(token, source)
            case Keep(token, source, offset, samples):
                self.shelf.keep(token, source, offset, samples)
            case Drop(token):
                self.shelf.drop(token)
            case Start():
                return self.recorder.start(message)
            case Stop(row):
                return self.recorder.stop(row)
            case Own(paths):
                self.owned = hold(Path(path) for path in paths)
            case _:
                assert_never(message)
        return None

    def _send(self, message: FromFiles) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the next read tells
            self.link.send(encode(message))


def hold(paths: Iterable[Path]) -> dict[Path, int]:
    """Open the files that are there: while we hold one, no other can get its inode number."""
    held: dict[Path, int] = {}
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            held[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return held


def unlink_held(held: Mapping[Path, int]) -> None:
    """Unlink those files that are still the ones we hold; a successor may have replaced them."""
    for path, descriptor in held.items():
        with contextlib.suppress(FileNotFoundError), locked(path.parent):
            if os.path.samestat(path.stat(), os.fstat(descriptor)):
                path.unlink()
        os.close(descriptor)


@contextlib.contextmanager
def locked(folder: Path) -> Generator[None]:
    """Hold the lock under which the table files of a run directory are replaced or unlinked."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def main() -> None:
    """Entry point of ``python -P -m mediaworker.files``: descriptors are inherited."""
    parser = argparse.ArgumentParser(prog="mediaworker.files")
    parser.add_argument("--name", required=True)
    parser.add_argument("--level", required=True)
    for inherited in ("--link", "--pool", "--recordings"):
        parser.add_argument(inherited, type=int, required=True)
    arguments = parser.parse_args()
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)  # the worker decides when it is over
    configure(arguments.level, arguments.name)
    recordings = Recordings.open(Path(f"/proc/self/fd/{arguments.recordings}"), write=True)
    Files(socket.socket(fileno=arguments.link), arguments.pool, recordings).run()


if __name__ == "__main__":
    main()
