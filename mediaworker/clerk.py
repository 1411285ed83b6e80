"""The worker's end of its files process: launches it, asks it, and launches it again if it dies.

Nothing waits: an answer calls what was given with the question, from the slack of the tick.  If the
process dies, its successor gets the same shared memory and is told what the dead one knew: sounds
stay where they are in the pool, recordings go on in their files.
"""

import logging
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple, assert_never

import msgspec

from bus.sources import Music, Tone, Wave
from mediaworker.filing import (
    LONGEST_PACKET,
    Drop,
    Fetch,
    Fetched,
    FetchFailed,
    FromFiles,
    Keep,
    Own,
    Ready,
    Start,
    Started,
    StartFailed,
    Stop,
    Stopped,
    ToFiles,
    decode_from_files,
    encode,
    socket_pair,
)

log = logging.getLogger(__name__)

RELAUNCH: Final = 1.0
"""Seconds between two launches."""
PATIENCE: Final = 5.0
"""Seconds the process may take to end once asked to."""

OnFetched = Callable[[Fetched | FetchFailed], None]
OnStarted = Callable[[Started | StartFailed], None]
OnStopped = Callable[[Stopped], None]


class Shared(NamedTuple):
    """Descriptors of the memory that both processes map."""

    pool: int
    recordings: int


class Sound(msgspec.Struct):
    """A sound that was asked for."""

    source: Tone | Wave | Music
    done: OnFetched | None
    place: Fetched | None = None


class Tape(msgspec.Struct):
    """A recording that was asked for."""

    start: Start
    started: OnStarted | None
    stopped: OnStopped | None = None


class Clerk:
    """Asks the files process."""

    def __init__(self, shared: Shared, name: str, level: str) -> None:
        """``name`` and ``level`` are for the log."""
        self.shared, self.name, self.level = shared, name, level
        self.tokens = 0
        self.sounds: dict[int, Sound] = {}
        self.tapes: dict[int, Tape] = {}
        self.owned: tuple[str, ...] = ()
        self.outbox: deque[bytes] = deque()
        self.serving = False
        self.launched_at = 0.0
        self.process, self.link = self._launch()

    # --------------------------------------------------------------------------- questions

    def fetch(self, source: Tone | Wave | Music, done: OnFetched) -> int:
        """Have a sound in the pool; the token returned holds it there until ``drop``."""
        self.tokens += 1
        self.sounds[self.tokens] = Sound(source, done)
        self._send(Fetch(self.tokens, source))
        return self.tokens

    def drop(self, token: int) -> None:
        """Let go of a sound, or of the wish for it."""
        if self.sounds.pop(token, None) is not None:
            self._send(Drop(token))

    def start(self, start: Start, done: OnStarted) -> None:
        """Write a recording ring into a file."""
        self.tapes[start.row] = Tape(start, done)
        self._send(start)

    def stop(self, row: int, done: OnStopped) -> None:
        """Make the file of a ring whole; nothing may be written into the ring any more."""
        self.tapes[row].stopped = done
        self._send(Stop(row))

    def own(self, paths: Iterable[Path]) -> None:
        """Have these files unlinked when this process is gone."""
        self.owned = tuple(str(path) for path in paths)
        self._send(Own(self.owned))

    # ----------------------------------------------------------------------------- answers

    def poll(self, now: float, most: int) -> int:
        """Take up to ``most`` answers; return how many there were."""
        self._flush()
        for count in range(most):
            try:
                packet = self.link.recv(LONGEST_PACKET)
            except BlockingIOError:
                return count
            except OSError:
                packet = b""
            if not packet:
                self._relaunch(now)
                return count
            self._heard(decode_from_files(packet))
        return most

    def close(self) -> None:
        """End the process, which makes recordings whole and unlinks what is owned; wait for it.

        Doing it again does nothing.
        """
        self.link.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            log.error("the files process does not end; killing it")
            self.process.kill()
            self.process.wait()

    def _heard(self, message: FromFiles) -> None:
        match message:
            case Ready():
                self.serving = True
            case Fetched() | FetchFailed():
                self._fetched(message)
            case Started() | StartFailed():
                self._started(message)
            case Stopped(row):
                tape = self.tapes.pop(row, None)
                if tape is not None and tape.stopped is not None:
                    tape.stopped(message)
            case _:
                assert_never(message)

    def _fetched(self, message: Fetched | FetchFailed) -> None:
        sound = self.sounds.get(message.token)
        if sound is None:
            return
        if isinstance(message, Fetched):
            sound.place = message
        else:
            del self.sounds[message.token]
        if sound.done is not None:
            done, sound.done = sound.done, None
            done(message)

    def _started(self, message: Started | StartFailed) -> None:
        tape = self.tapes.get(message.row)
        if tape is None:
            return
        if isinstance(message, StartFailed):
            del self.tapes[message.row]
        if tape.started is not None:
            started, tape.started = tape.started, None
            started(message)

    # ----------------------------------------------------------------------------- process

    def _launch(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        ours, theirs = socket_pair()
        ours.setblocking(False)
        descriptors = {"link": theirs.fileno(), **self.shared._asdict()}
        command = [sys.executable, "-P", "-m", "mediaworker.files", "--name", f"{self.name}-files"]
        command += ["--level", self.level]
        for option, descriptor in descriptors.items():
            command += [f"--{option}", str(descriptor)]
        root = str(Path(__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        with theirs:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=descriptors.values(),
                env={**os.environ, "PYTHONPATH": path},
            )
        return process, ours

    def _relaunch(self, now: float) -> None:
        if now - self.launched_at < RELAUNCH:
            return
        log.error("the files process ended (%s); starting it again", self.process.poll())
        self.launched_at = now
        self.link.close()
        self.outbox.clear()
        self.process, self.link = self._launch()
        for message in self._known():
            self._send(message)

    def _known(self) -> list[ToFiles]:
        """Return what a new process must be told."""
        told: list[ToFiles] = [Own(self.owned)]
        for token, sound in self.sounds.items():
            if sound.place is not None:
                told.append(Keep(token, sound.source, sound.place.offset, sound.place.samples))
        for token, sound in self.sounds.items():
            if sound.place is None:
                told.append(Fetch(token, sound.source))
        for row, tape in self.tapes.items():
            told.append(msgspec.structs.replace(tape.start, go_on=tape.started is None))
            if tape.stopped is not None:
                told.append(Stop(row))
        return told

    def _send(self, message: ToFiles) -> None:
        self.outbox.append(encode(message))
        self._flush()

    def _flush(self) -> None:
        while self.outbox:
            try:
                self.link.send(self.outbox[0])
            except OSError:  # full, or gone: ``poll`` finds out which
                return
            self.outbox.popleft()
