"""A foreign process under a test: started, watched, always ended, by its pid and nothing else."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

Found = TypeVar("Found")


class Running:
    """One child process in a session of its own; its output goes into a file.

    With ``typed`` it reads what ``type_line`` types.  A context manager: on leaving, whatever is
    still alive is killed.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path,
        log: str = "output.log",
        environ: Mapping[str, str] | None = None,
        typed: bool = False,
    ) -> None:
        self.arguments = [str(part) for part in command]
        self.log_path = folder / log
        with self.log_path.open("wb") as output:
            self.process = subprocess.Popen(
                self.arguments,
                cwd=folder,
                env={**os.environ, **(environ or {})},
                stdin=subprocess.PIPE if typed else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self.process.pid

    def output(self) -> str:
        """Return all that the process has written so far."""
        return self.log_path.read_text(errors="replace")

    def type_line(self, text: str) -> None:
        """Write a line to its standard input."""
        assert self.process.stdin is not None, "it was started without a keyboard"
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def has_open(self, path: Path) -> bool:
        """Whether it has this file open."""
        descriptors = Path(f"/proc/{self.pid}/fd").iterdir() if self.alive() else ()
        return any(entry.resolve() == path for entry in descriptors)

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process alone."""
        if self.alive():
            os.kill(self.pid, number)

    def wait(self, seconds: float) -> int:
        """Return the exit code; raise AssertionError with its last output if it does not end."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            tail = self.output()[-3000:]
            raise AssertionError(
                f"{self.arguments[0]} still runs after {seconds} s:\n{tail}"
            ) from None

    def stop(self, seconds: float = 5.0) -> int:
        """Ask it to end, insist after so many seconds, and return its exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """End it at once."""
        self.signal(signal.SIGKILL)
        return self.process.wait()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it, however the test ended."""
        self.kill()
        if self.process.stdin is not None:
            self.process.stdin.close()


def eventually(
    what: str, condition: Callable[[], Found | None], *, seconds: float = 10.0, every: float = 0.02
) -> Found:
    """Return the first true result of a condition that is asked again and again.

    Raises AssertionError, which says what did not happen, after so many seconds.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"within {seconds} s not: {what}")
        time.sleep(every)
