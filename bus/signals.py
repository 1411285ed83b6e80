"""Signals as bytes in a pipe: noted at once, acted upon by the loop when it comes to it."""

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""All mean the same: stop."""


class Signals:
    """The read end of the pipe into which signal numbers fall."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def take(self) -> list[int]:
        """Return the numbers that came since."""
        with suppress(BlockingIOError):
            return list(os.read(self.descriptor, 4096))
        return []


@contextmanager
def signals() -> Generator[Signals]:
    """Take the signals in ``ENDING`` and SIGCHLD; put everything back at the end."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = {number: signal.signal(number, _note) for number in (*ENDING, signal.SIGCHLD)}
    earlier = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield Signals(reading)
    finally:
        signal.set_wakeup_fd(earlier)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


def _note(number: int, frame: FrameType | None) -> None:
    """Do nothing: that there is a handler makes Python write the byte."""
