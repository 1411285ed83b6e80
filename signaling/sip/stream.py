"""A byte stream -> messages (RFC 3261 18.3, RFC 5626 3.5.1).

Bytes wait in one bounded buffer until a message is whole.  Content-Length frames a message and must
be there (18.3); where it is missing or contradictory nobody can tell where the next one begins, so
the stream is of no more use: answer with what the error says, and close.
"""

import re
from enum import Enum
from typing import Final

from signaling.sip.errors import FramingError
from signaling.sip.parse import salvage

LONGEST: Final = 65536
"""Of a message, as on UDP."""

LENGTH_NAME: Final = re.compile(rb"\r\n(?:Content-Length|l)[ \t]*+:", re.IGNORECASE)
LENGTH_VALUE: Final = re.compile(rb"(?>(?:[ \t]|\r\n[ \t])*)([0-9]{1,10}+)[ \t]*+(?=\r\n)")


SENT_BY: Final = re.compile(
    rb"^(?:Via|v)[ \t]*:[ \t]*SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*[A-Z]+[ \t]+"
    rb"(?:\[([0-9a-f:.]+)\]|([0-9a-z.-]+))[ \t]*(?::[ \t]*([0-9]{1,5}+))?[ \t]*(?=[;,\r])",
    re.IGNORECASE | re.MULTILINE,
)


def sent_by(message: bytes) -> tuple[str, int | None] | None:
    """Return where the sender of a request says it listens (the top Via), None of a response."""
    if message.startswith(b"SIP/"):
        return None
    found = SENT_BY.search(message)
    if found is None:
        return None
    host = (found[1] or found[2]).decode("ascii")
    return host, int(found[3]) if found[3] else None


class KeepAlive(Enum):
    """What stands between messages."""

    PING = "ping"
    """Two CRLF: to be answered with one."""
    PONG = "pong"
    """One CRLF: the answer to ours, or a stray one, which is ignored (RFC 3261 7.5)."""


class StreamFramer:
    """Cuts one direction of one connection."""

    def __init__(self, longest: int = LONGEST) -> None:
        self.longest = longest
        self.buffer = bytearray()
        self.error: FramingError | None = None
        self.searched = 0
        """The buffer holds no end of a header part before here."""
        self.awaited = 0
        """The length of the message at the front, once its header part is there."""
        self.halved = False
        """A single CRLF was the last thing that came; the other half of a ping may follow."""

    @property
    def waiting(self) -> bool:
        """Whether part of a message is there."""
        return bool(self.buffer)

    def feed(self, received: bytes) -> list[bytes | KeepAlive]:
        """Take what was received, return what it completes.

        Raises FramingError; messages that were whole before it are returned first, and the error
        comes with the next call (``error`` has it at once).
        """
        if self.error is not None:
            raise self.error
        self.buffer += received
        pieces: list[bytes | KeepAlive] = []
        try:
            while (piece := self._next()) is not None:
                pieces.append(piece)
        except FramingError as error:
            self.error = error
            self.buffer.clear()
            if not pieces:
                raise
        return pieces

    def _next(self) -> bytes | KeepAlive | None:
        if self.buffer.startswith(b"\r\n"):
            return self._keep_alive()
        if len(self.buffer) < 2:
            return None
        self.halved = False
        if not self.awaited:
            self.awaited = self._measure()
        if not self.awaited or len(self.buffer) < self.awaited:
            return None
        return self._cut(self.awaited)

    def _measure(self) -> int:
        """Return the length of the message at the front, 0 while its header part is not whole."""
        at = self.buffer.find(b"\r\n\r\n", self.searched)
        if at < 0:
            self.searched = max(0, len(self.buffer) - 3)
            self._check_size(len(self.buffer), bytes(self.buffer))
            return 0
        head = bytes(self.buffer[: at + 4])
        end = len(head) + _content_length(head)
        self._check_size(end, head)
        return end

    def _keep_alive(self) -> KeepAlive:
        if self.buffer.startswith(b"\r\n\r\n"):
            self._cut(4)
            self.halved = False
            return KeepAlive.PING
        self._cut(2)
        if self.halved:
            self.halved = False
            return KeepAlive.PING
        self.halved = bytes(self.buffer[:2]) in (b"", b"\r")
        return KeepAlive.PONG

    def _cut(self, end: int) -> bytes:
        piece = bytes(self.buffer[:end])
        del self.buffer[:end]
        self.searched = self.awaited = 0
        return piece

    def _check_size(self, size: int, head: bytes) -> None:
        if size > self.longest:
            raise FramingError(513, "Message Too Large", head, salvage(head))


def _content_length(head: bytes) -> int:
    name = LENGTH_NAME.search(head)
    if name is None:
        raise FramingError(400, "Content-Length missing on a stream", head, salvage(head))
    value = LENGTH_VALUE.match(head, name.end())
    if value is None:
        raise FramingError(400, "Malformed Content-Length", head, salvage(head))
    if LENGTH_NAME.search(head, value.end()):
        raise FramingError(400, "Content-Length more than once", head, salvage(head))
    return int(value.group(1))
