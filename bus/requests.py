"""Requests in flight, at both ends.  Sans-IO; plain state that survives encoding.

``Pending`` is the sender's side: what it waits for, and until when.  ``Remembered`` is the
receiver's side: what it has answered, so that a request which arrives twice is applied once.

    recall(session, id)     None     new: apply it
                            b""      being applied: its answer will come, do nothing
                            bytes    answered before: send these bytes again

Ids count up from 1 within a session.  Only the youngest answers are kept; an id older than those
is answered ``too_late``, because nobody can tell any more whether it was applied.
"""

import heapq
from typing import Final, Generic, TypeVar

import msgspec

from bus.codec import encode
from bus.envelope import Refused
from bus.errors import TooLateError

What = TypeVar("What")

NEVER: Final = float("inf")


class Waiting(msgspec.Struct, Generic[What]):
    """One request that was sent, and when its sender stops waiting for the reply."""

    what: What
    expires_at: float


class Pending(msgspec.Struct, Generic[What]):
    """The requests that one sender waits for, each with what the sender wants to keep of it."""

    last: int = 0
    """The id given last; ids are never given twice."""
    waiting: dict[int, Waiting[What]] = {}
    expiries: list[tuple[float, int]] = []
    """A heap; entries of requests that were answered are dropped when they come up."""

    def __len__(self) -> int:
        return len(self.waiting)

    def add(self, what: What, now: float, timeout: float = NEVER) -> int:
        """Return the id for a request whose reply is awaited for ``timeout`` seconds."""
        self.last += 1
        expires_at = now + timeout
        self.waiting[self.last] = Waiting(what, expires_at)
        if expires_at < NEVER:
            heapq.heappush(self.expiries, (expires_at, self.last))
        return self.last

    def take(self, id: int) -> What | None:
        """Return what waited for this reply; None if nobody did, or not any more."""
        entry = self.waiting.pop(id, None)
        return None if entry is None else entry.what

    def expire(self, now: float) -> list[What]:
        """Return what has waited too long, oldest deadline first, and stop waiting for it."""
        expired: list[What] = []
        while self.expiries and self.expiries[0][0] <= now:
            entry = self.waiting.pop(heapq.heappop(self.expiries)[1], None)
            if entry is not None:
                expired.append(entry.what)
        return expired

    def drain(self) -> list[What]:
        """Return everything that waits, in order of sending; the other side is gone."""
        left = [entry.what for entry in self.waiting.values()]
        self.waiting.clear()
        self.expiries.clear()
        return left

    def deadline(self) -> float | None:
        """Return when ``expire`` next has something to do."""
        while self.expiries and self.expiries[0][1] not in self.waiting:
            heapq.heappop(self.expiries)
        return self.expiries[0][0] if self.expiries else None


class Answers(msgspec.Struct):
    """What one session was answered; ids up to ``forgotten`` are too old to tell."""

    frames: dict[int, bytes] = {}
    forgotten: int = 0


class Remembered(msgspec.Struct):
    """The answers given, by session and id: what makes a request at-most-once."""

    limit: int = 256
    """Answers kept a session."""
    sessions: dict[str, Answers] = {}

    def recall(self, session: str, id: int) -> bytes | None:
        """Return what this request was answered: see the table at the top of the module."""
        answers = self.sessions.get(session)
        if answers is None:
            return None
        if id in answers.frames:
            return answers.frames[id]
        if id <= answers.forgotten:
            reason = f"request {id} is older than the last {self.limit} answers"
            return encode(Refused(id=id, code=TooLateError.code, reason=reason))
        return None

    def begin(self, session: str, id: int) -> None:
        """Note that a request is being applied and will be answered later."""
        self.remember(session, id, b"")

    def remember(self, session: str, id: int, reply: bytes) -> None:
        """Keep the encoded ``Done`` or ``Refused`` of a request; the oldest makes room."""
        answers = self.sessions.get(session)
        if answers is None:
            answers = self.sessions[session] = Answers()
        if id <= answers.forgotten:
            return
        answers.frames[id] = reply
        while len(answers.frames) > self.limit:
            oldest = next(iter(answers.frames))
            del answers.frames[oldest]
            answers.forgotten = max(answers.forgotten, oldest)

    def forget(self, session: str) -> None:
        """Drop a session: its peer went away or said hello again."""
        self.sessions.pop(session, None)
