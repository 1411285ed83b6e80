"""What to do with a call, asked on a terminal: answer it, reject it, or send it elsewhere."""

import asyncio
import os
import sys
import termios
from typing import Final, TextIO

import msgspec

from bus.uris import host_of

QUESTION: Final = "[a]nswer, [r]eject [CODE] or re[d]irect URI? [a] "
NOT_UNDERSTOOD: Final = "a, r, r 603, or d sip:USER@HOST, please"
BUSY: Final = 486
UNAVAILABLE: Final = 480


class Answer(msgspec.Struct, frozen=True):
    """Take it."""


class Reject(msgspec.Struct, frozen=True):
    """Refuse it with a status."""

    status: int = BUSY


class Redirect(msgspec.Struct, frozen=True):
    """Send the caller elsewhere."""

    uri: str


Decision = Answer | Reject | Redirect


def understood(line: str) -> Decision | None:
    """Return what a person has typed; None if it is nothing of that."""
    match line.split():
        case [] | ["a" | "answer"]:
            return Answer()
        case ["r" | "reject"]:
            return Reject()
        case ["r" | "reject", code] if code.isdecimal() and 400 <= int(code) <= 699:
            return Reject(int(code))
        case ["d" | "redirect", uri] if host_of(uri):
            return Redirect(uri)
        case _:
            return None


class Terminal:
    """Asks one question at a time; whoever does not need the answer any more is cancelled."""

    def __init__(self, keys: TextIO | None = None, screen: TextIO | None = None) -> None:
        self._keys = keys or sys.stdin
        self._screen = screen or sys.stdout
        self._turn = asyncio.Lock()

    async def decide(self, about: str) -> Decision:
        """Ask until it is understood; the end of the input is a refusal (480)."""
        async with self._turn:
            termios.tcflush(self._keys, termios.TCIFLUSH)  # typed before it was asked
            self._say(f"{about}\n")
            while True:
                self._say(QUESTION)
                line = await self._line()
                if not line:
                    return Reject(UNAVAILABLE)
                if (decision := understood(line)) is not None:
                    return decision
                self._say(f"{NOT_UNDERSTOOD}\n")

    def _say(self, text: str) -> None:
        self._screen.write(text)
        self._screen.flush()

    async def _line(self) -> str:
        """Return a line with its end, empty at the end of the input."""
        loop, typed = asyncio.get_running_loop(), asyncio.Event()
        descriptor = self._keys.fileno()
        loop.add_reader(descriptor, typed.set)
        try:
            await typed.wait()
        finally:
            loop.remove_reader(descriptor)
        try:
            return os.read(descriptor, 4096).decode(errors="replace")
        except OSError:
            return ""
