"""An application's side of the control bus, without sockets: hello, pings, requests, losses.

    session.request(body, now) ─► id         session.receive(frame, now) ─► [Signal, ...]
    session.wake(now) ─► [Signal, ...]       session.deadline() ─► when to call wake

Rules:

* Nothing but ``Hello`` is sent before ``Welcome``; requests made earlier wait for it.
* ``stale_session``: signaling was restarted or has forgotten us.  What was pending failed, and a
  hello begins a new session.
* A hole in the numbers of events: a hello *within* the session fetches how the calls stand.
* Silence for ``LOST_AFTER`` although we ping: the engine is lost; hellos go on until one is
  answered.
"""

from typing import Final

import msgspec

from bus.calls import Hello, Ping, Welcome
from bus.codec import decode_body, decode_frame, encode, raw
from bus.envelope import Done, Event, Refused, Request
from bus.errors import (
    EngineLostError,
    FrameError,
    OffhookError,
    RefusedError,
    StaleSessionError,
    refusal,
)
from bus.ids import PeerId
from bus.protocol import ClientEvent, Command, Reply
from bus.requests import NEVER, Pending

PING_EVERY: Final = 1.0
LOST_AFTER: Final = 5.0
REPLY_WITHIN: Final = 10.0

_replies: Final = msgspec.msgpack.Decoder(Reply)
_events: Final = msgspec.msgpack.Decoder(ClientEvent)


class Transmit(msgspec.Struct, frozen=True):
    """Send this frame.  ``alone``: whatever waits to be sent is stale, drop it first."""

    frame: bytes
    alone: bool = False


class Replied(msgspec.Struct, frozen=True):
    """A request was applied."""

    id: int
    body: Reply


class RequestFailed(msgspec.Struct, frozen=True):
    """A request was refused, or nobody will ever answer it."""

    id: int
    error: OffhookError


class Happened(msgspec.Struct, frozen=True):
    """An event; ``at`` is Unix time."""

    event: ClientEvent
    at: float


class Joined(msgspec.Struct, frozen=True):
    """Signaling knows us; ``fresh``: under a new session, so what it knew before is gone."""

    welcome: Welcome
    fresh: bool


class Lost(msgspec.Struct, frozen=True):
    """Signaling has been silent for too long."""

    reason: str


class NotAdmitted(msgspec.Struct, frozen=True):
    """Signaling refused our hello, for example because of its version."""

    error: RefusedError


Signal = Transmit | Replied | RequestFailed | Happened | Joined | Lost | NotAdmitted


class _Asked(msgspec.Struct):
    """A request that waits for its reply, or (``held``) for a session to be sent in."""

    body: Command
    deadline: float = 0.0
    id: int = 0
    held: bool = False


class Session:
    """One incarnation of an application and what it has asked."""

    def __init__(self, peer: PeerId, incarnation: str) -> None:
        self.peer = peer
        self.incarnation = incarnation
        self.name = ""
        """What ``Welcome`` gave; empty while there is none."""
        self.sequence = 0
        """Of the last event seen."""
        self.holes = 0
        """Events that never came."""
        self._pending = Pending[_Asked]()
        self._hello_id = 0
        self._lost = False
        self._heard_at = -NEVER
        self._next_ping = NEVER

    def hello(self, now: float) -> list[Signal]:
        """Say hello, for the first time or again."""
        if self._heard_at == -NEVER:
            self._heard_at = now
        self._next_ping = now + PING_EVERY
        asked = _Asked(Hello(peer=self.peer, incarnation=self.incarnation))
        self._pending.take(self._hello_id)
        self._hello_id = asked.id = self._pending.add(asked, now)
        return [Transmit(self._frame(asked, session=""), alone=not self.name)]

    def request(
        self, body: Command, now: float, *, timeout: float = REPLY_WITHIN, deadline: float = 0.0
    ) -> tuple[int, list[Signal]]:
        """Return the request's id, and what to send.

        Its reply is awaited for ``timeout`` seconds; ``deadline`` (Unix time) goes with it.
        """
        asked = _Asked(body, deadline, held=not self.name)
        asked.id = self._pending.add(asked, now, timeout)
        return asked.id, [] if asked.held else [Transmit(self._frame(asked, self.name))]

    def receive(self, frame: bytes, now: float) -> list[Signal]:
        """Take one frame.  Raises FrameError for bytes that are none; that leaves no trace."""
        envelope = decode_frame(frame)
        self._heard_at, self._lost = now, False
        match envelope:
            case Done():
                return self._done(envelope, now)
            case Refused():
                return self._refused(envelope, now)
            case Event():
                return self._event(envelope, now)
            case Request():
                raise FrameError("signaling asks nothing of an application")

    def wake(self, now: float) -> list[Signal]:
        """Do what is due: ping, hello, give up requests, notice silence."""
        signals: list[Signal] = [
            RequestFailed(asked.id, EngineLostError(_unanswered(asked)))
            for asked in self._pending.expire(now)
        ]
        if now >= self._heard_at + LOST_AFTER and not self._lost:
            self._lost = True
            signals += self._forget(reason := f"signaling has not answered for {LOST_AFTER:g} s")
            signals.append(Lost(reason))
        if now >= self._next_ping:
            signals += self._ping(now) if self.name else self.hello(now)
        return signals

    def deadline(self) -> float:
        """Return when ``wake`` is to be called next."""
        silence = NEVER if self._lost else self._heard_at + LOST_AFTER
        return min(self._next_ping, silence, self._pending.deadline() or NEVER)

    # ---------------------------------------------------------------------------- receiving

    def _done(self, done: Done, now: float) -> list[Signal]:
        asked = self._pending.take(done.id)
        if asked is None:
            return []
        try:
            body = decode_body(_replies, done.body)
        except OffhookError as error:
            return [RequestFailed(done.id, error)]
        if isinstance(body, Welcome):
            return self._welcome(body, now)
        return [] if isinstance(asked.body, Ping) else [Replied(done.id, body)]

    def _welcome(self, welcome: Welcome, now: float) -> list[Signal]:
        fresh = welcome.session != self.name
        lost = self._forget("signaling was restarted") if fresh and self.name else []
        self.name, self.sequence = welcome.session, welcome.sequence
        self._next_ping = now + PING_EVERY
        held = [entry.what for entry in self._pending.waiting.values() if entry.what.held]
        for asked in held:
            asked.held = False
        frames = [Transmit(self._frame(asked, self.name)) for asked in held]
        return [*lost, Joined(welcome, fresh), *frames]

    def _refused(self, refused: Refused, now: float) -> list[Signal]:
        error = refusal(refused.code, refused.reason)
        asked = self._pending.take(refused.id)
        if asked is None:
            return []
        match asked.body:
            case Hello():
                return [NotAdmitted(error)]
            case Ping() if not isinstance(error, StaleSessionError):
                return []
            case _ if isinstance(error, StaleSessionError):
                failed = RequestFailed(asked.id, EngineLostError("signaling was restarted"))
                return [failed, *self._forget("signaling was restarted"), *self.hello(now)]
            case _:
                return [RequestFailed(asked.id, error)]

    def _event(self, event: Event, now: float) -> list[Signal]:
        missing = event.sequence - self.sequence - 1
        self.sequence = max(self.sequence, event.sequence)
        resync: list[Signal] = []
        if missing > 0:
            self.holes += missing
            resync = self.hello(now)
        try:
            body = decode_body(_events, event.body)
        except OffhookError:
            return resync  # an event of a newer engine: not for us
        return [Happened(body, event.at), *resync] if missing >= 0 else resync

    # ------------------------------------------------------------------------------ sending

    def _ping(self, now: float) -> list[Signal]:
        self._next_ping = now + PING_EVERY
        asked = _Asked(Ping())
        asked.id = self._pending.add(asked, now, LOST_AFTER)
        return [Transmit(self._frame(asked, self.name))]

    def _frame(self, asked: _Asked, session: str) -> bytes:
        body = raw(asked.body)
        return encode(Request(id=asked.id, body=body, deadline=asked.deadline, session=session))

    def _forget(self, reason: str) -> list[Signal]:
        """Fail what was sent under a session that is over."""
        self.name = ""
        sent = [
            asked
            for entry in self._pending.waiting.values()
            if not (asked := entry.what).held and asked.id != self._hello_id
        ]
        for asked in sent:
            self._pending.take(asked.id)
        return [
            RequestFailed(asked.id, EngineLostError(reason))
            for asked in sent
            if not isinstance(asked.body, Ping)
        ]


def _unanswered(asked: _Asked) -> str:
    verb = asked.body.__struct_config__.tag
    return f"signaling did not answer {verb!r} in time"
