"""What is to be sent to one peer, in order.  Sans-IO; plain state that survives encoding.

Replies and events go through one queue, so an event never overtakes the reply to the command that
caused it.  The queue is bounded, because a peer may be slow, stopped or hostile:

* Too many frames: all queued *events* are dropped, and no event is queued until the owner has put
  one snapshot in their place (``wants_snapshot``).  Dropped events keep their numbers, so the peer
  sees the hole.
* Too many *replies*: the oldest are dropped.  Their requests were applied; a peer that asks again
  with the same id is answered from memory (``bus.requests.Remembered``).

The shell sends ``head()``, or all that ``heads()`` returns as one message, without waiting, calls
``pop()`` once the socket took it, and stops at the first refusal.
"""

from typing import Final

import msgspec

from bus.codec import encode
from bus.envelope import Event

TOGETHER: Final = 64
"""Frames of one message at most."""


class Outgoing(msgspec.Struct, frozen=True):
    """One encoded frame; ``reply`` tells what may be dropped first."""

    frame: bytes
    reply: bool


class Outbox(msgspec.Struct):
    """One ordered, bounded queue."""

    limit: int = 1000
    sequence: int = 0
    """The number of the last event, sent or dropped; what ``Welcome`` tells."""
    queue: list[Outgoing] = []
    overflowed: bool = False
    events_dropped: int = 0
    replies_dropped: int = 0

    def __len__(self) -> int:
        return len(self.queue)

    def reply(self, frame: bytes) -> None:
        """Queue an encoded ``Done``, ``Refused`` or ``Request``."""
        self.queue.append(Outgoing(frame, reply=True))
        self._bound()

    def event(self, body: msgspec.Raw, at: float) -> None:
        """Queue an event, numbered, that happened at Unix time ``at`` (seconds)."""
        self.sequence += 1
        if self.overflowed:
            self.events_dropped += 1
            return
        self._append_event(body, at)
        self._bound()

    def numbered_event(self, frame: bytes) -> None:
        """Queue an encoded ``Event`` whose maker numbers its events itself."""
        if self.overflowed:
            self.events_dropped += 1
            return
        self.queue.append(Outgoing(frame, reply=False))
        self._bound()

    def numbered_snapshot(self, frame: bytes) -> None:
        """Queue the encoded snapshot of such a maker; events flow again."""
        self.overflowed = False
        self.queue.append(Outgoing(frame, reply=False))

    @property
    def wants_snapshot(self) -> bool:
        """Events were dropped and the peer has read what was before them: tell how things are."""
        return self.overflowed and not self.queue

    def snapshot(self, body: msgspec.Raw, at: float) -> None:
        """Queue the one event that stands for all that were dropped; events flow again."""
        self.sequence += 1
        self.overflowed = False
        self._append_event(body, at)

    def head(self) -> bytes | None:
        """Return the frame to send next."""
        return self.queue[0].frame if self.queue else None

    def heads(self) -> list[bytes]:
        """Return the frames to send next, as many as one message may have."""
        return [item.frame for item in self.queue[:TOGETHER]]

    def pop(self, count: int = 1) -> None:
        """Drop the head, or so many: the socket has taken them."""
        del self.queue[:count]

    def _append_event(self, body: msgspec.Raw, at: float) -> None:
        event = Event(sequence=self.sequence, body=body, at=at)
        self.queue.append(Outgoing(encode(event), reply=False))

    def _bound(self) -> None:
        if len(self.queue) <= self.limit:
            return
        replies = [item for item in self.queue if item.reply]
        events = len(self.queue) - len(replies)
        self.overflowed = self.overflowed or events > 0
        self.events_dropped += events
        surplus = max(0, len(replies) - self.limit)
        self.replies_dropped += surplus
        self.queue = replies[surplus:]
