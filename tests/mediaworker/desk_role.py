"""A desk with all it stands on, in this process; only the files process is another one."""

import os
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bus.body import Body
from bus.errors import RefusedError
from bus.ids import StreamId
from bus.sources import AnySource, Silence, Wave
from bus.streams import OpenStream, StreamCommand, StreamOpened
from bus.tables import PublicStreams, WorkerState
from mediaworker.clerk import Clerk
from mediaworker.desk import Desk
from mediaworker.home import make_memory
from mediaworker.media import Media
from mediaworker.net.portable import Portable
from mediaworker.ports import LocalPairs
from mediaworker.seats import Seat
from mediaworker.streams import Streams

HOST = "127.0.0.1"
Answer = Body | RefusedError


class DeskRole:
    """Gives commands; answers are kept in order."""

    def __init__(self, run_dir: Path, rows: int = 4) -> None:
        memory = make_memory(run_dir)
        self.shared = memory.shared
        self.media = Media(
            Streams.private(rows),
            PublicStreams.private(rows),
            WorkerState.private(1),
            memory.recordings,
            memory.pool,
        )
        self.clerk = Clerk(memory.shared, "w0", "error")
        self.ports = LocalPairs(40000, 45000, 0.0)
        self.desk = Desk(self.media, Portable(self.media.streams), self.ports, self.clerk)

    def close(self) -> None:
        self.desk.close_all()
        self.clerk.close()
        self.ports.close()
        for descriptor in self.shared:
            os.close(descriptor)

    def give(self, command: StreamCommand) -> list[Answer]:
        """Give a command; return the list that its answer comes into."""
        answers: list[Answer] = []
        try:
            self.desk.apply(command, answers.append)
        except RefusedError as error:
            answers.append(error)
        return answers

    def ask(self, command: StreamCommand) -> Answer:
        """Give a command and wait for its answer."""
        answers = self.give(command)
        self.until(lambda: bool(answers))
        assert len(answers) == 1
        return answers[0]

    def until(self, holds: Callable[[], bool]) -> None:
        """Let the files process answer until it holds."""
        give_up_at = time.monotonic() + 20
        while not holds():
            now = time.monotonic()
            assert now < give_up_at
            if not self.clerk.poll(now, 1):
                time.sleep(0.001)

    def open(self, stream: int = 1, play: AnySource | None = None, record: str = "") -> Seat:
        """Open a stream."""
        answer = self.ask(opening(stream, play or Silence(), record))
        assert isinstance(answer, StreamOpened), answer
        return self.desk.seats[StreamId(stream)]


def opening(stream: int, play: AnySource, record: str = "") -> OpenStream:
    return OpenStream(
        stream=StreamId(stream), address=HOST, caller_is_remote=True, play=play, record=record
    )


def write(path: Path, samples: int = 4000) -> Wave:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(np.arange(samples, dtype=np.int16).tobytes())
    return Wave(str(path))
