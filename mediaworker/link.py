"""The worker's line to signaling: hello, session, beats, requests in and replies out.

    worker                                signaling
      | WorkerHello (session "")    -->      |
      |   <-- Done(WorkerWelcome(session))   |
      | WorkerBeat, four a second   -->      |
      |   <-- Done(Ok)                       |
      |   <-- Request(StreamCommand)         |     ... at most once a session and id
      | Done or Refused, events     -->      |

``stale_session`` in answer to anything means that signaling was restarted: ``lost`` is called,
which closes all streams, and hello is said again.  So it is when signaling is silent for too long.

Nothing here waits: the socket is polled from the slack of the tick.
"""

import logging
import time
from collections.abc import Callable
from typing import Final, assert_never

import msgspec
import zmq

from bus.body import Body
from bus.calls import Ok
from bus.codec import decode_body, decode_frame, encode, raw
from bus.envelope import Done, Event, Refused, Request
from bus.errors import BadRequestError, FrameError, RefusedError, StaleSessionError, TooLateError
from bus.outbox import Outbox
from bus.requests import Pending, Remembered
from bus.streams import (
    FromWorker,
    StreamCommand,
    StreamEvent,
    WorkerBeat,
    WorkerHello,
    WorkerWelcome,
)

log = logging.getLogger(__name__)

BEAT: Final = 0.25
"""Seconds between beats."""
PATIENCE: Final = 1.0
"""Seconds after which an unanswered hello is said again."""
RETRY: Final = 0.02
"""Seconds between looking whether signaling is there."""

Reply = Callable[[Body | RefusedError], None]
"""Answers one request; called once."""

commands: Final = msgspec.msgpack.Decoder(StreamCommand)
replies: Final = msgspec.msgpack.Decoder(WorkerWelcome | Ok)


class Link:
    """One worker's line."""

    def __init__(
        self,
        socket: zmq.SyncSocket,
        hello: WorkerHello,
        *,
        apply: Callable[[StreamCommand, Reply], None],
        lost: Callable[[], None],
        patience: float,
    ) -> None:
        """``apply`` carries a command out; ``patience``: seconds of silence until it is lost."""
        self.socket, self.hello = socket, hello
        self.apply, self.lost, self.patience = apply, lost, patience
        self.session = ""
        self.heard_at = self.due_at = 0.0
        self.pending: Pending[FromWorker] = Pending()
        self.remembered = Remembered()
        self.outbox = Outbox()

    # ------------------------------------------------------------------------ in the slack

    def receive(self, now: float, most: int) -> int:
        """Take up to ``most`` frames; return how many there were."""
        for count in range(most):
            try:
                frame = self.socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return count
            self._receive_one(frame, now)
        return most

    def wake(self, now: float, beat: WorkerBeat) -> None:
        """Say hello or beat if it is time, and send what is queued."""
        self.flush()
        if self.session and now - self.heard_at > self.patience:
            log.warning("signaling has been silent for %.1f s", self.patience)
            self._lose(now)
        if now < self.due_at or self.outbox.head() is not None:
            return
        self.pending.expire(now)
        if self.session:
            self._ask(beat, now)
            self.due_at = now + BEAT
        elif len(self.pending) == 0:
            self.due_at = now + (0.0 if self._ask(self.hello, now) else RETRY)

    def flush(self) -> None:
        """Send what is queued, in order, as far as the socket takes it."""
        while frames := self.outbox.heads():
            if not self._send(*frames):
                return
            self.outbox.pop(len(frames))

    def tell(self, event: StreamEvent) -> None:
        """Queue an event; without a session nobody is there to hear it."""
        if self.session:
            self.outbox.event(raw(event), time.time())

    # --------------------------------------------------------------------------- what we say

    def _send(self, *frames: bytes) -> bool:
        """Send frames as one message."""
        try:
            self.socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def _ask(self, body: FromWorker, now: float) -> bool:
        """Send a request unless nobody is there: it would be out of date when somebody is."""
        id = self.pending.add(body, now, PATIENCE)
        if self._send(encode(Request(id=id, body=raw(body), session=self.session))):
            return True
        self.pending.take(id)
        return False

    # -------------------------------------------------------------------------- what we hear

    def _receive_one(self, frame: bytes, now: float) -> None:
        try:
            heard = decode_frame(frame)
        except FrameError as error:
            log.warning("%s", error)
            self.outbox.reply(encode(Refused(id=0, code=BadRequestError.code, reason=str(error))))
            return
        self.heard_at = now
        match heard:
            case Request():
                self._requested(heard)
            case Done():
                self._done(heard, now)
            case Refused():
                self._refused(heard, now)
            case Event():
                log.warning("an event came, and a worker hears none")
            case _:
                assert_never(heard)

    def _done(self, done: Done, now: float) -> None:
        asked = self.pending.take(done.id)
        try:
            body = decode_body(replies, done.body)
        except RefusedError as error:
            log.warning("reply %d: %s", done.id, error)
            return
        if isinstance(asked, WorkerHello) and isinstance(body, WorkerWelcome):
            self.session = body.session
            self.due_at = now
            log.info("signaling knows us")

    def _refused(self, refused: Refused, now: float) -> None:
        asked = self.pending.take(refused.id)
        if refused.code == StaleSessionError.code and self.session:
            log.warning("signaling was restarted")
            self._lose(now)
        elif asked is not None and refused.code != StaleSessionError.code:
            log.error("signaling refuses our %s: %s", type(asked).__name__, refused.reason)
            self.due_at = now + PATIENCE

    def _lose(self, now: float) -> None:
        self.remembered.forget(self.session)
        self.session = ""
        self.outbox = Outbox()
        self.pending.drain()
        self.due_at = now
        self.lost()

    def _requested(self, request: Request) -> None:
        if not self.session or request.session != self.session:
            reason = f"session {request.session!r} is not the one of this worker"
            self.outbox.reply(_refusal(request.id, StaleSessionError(reason)))
            return
        known = self.remembered.recall(self.session, request.id)
        if known:
            self.outbox.reply(known)
        elif known is None:
            self.remembered.begin(self.session, request.id)
            self._apply(request)

    def _apply(self, request: Request) -> None:
        reply = self._reply_to(request.id, self.session)
        try:
            if request.deadline and time.time() > request.deadline:
                raise TooLateError(f"{time.time() - request.deadline:.3f} s past the deadline")
            self.apply(decode_body(commands, request.body), reply)
        except RefusedError as error:
            reply(error)
        except Exception as error:  # a mistake of ours must not end everybody's calls
            log.exception("request %d", request.id)
            reply(RefusedError(f"internal error: {error!r}"))

    def _reply_to(self, id: int, session: str) -> Reply:
        def reply(body: Body | RefusedError) -> None:
            if session != self.session:
                return
            if isinstance(body, RefusedError):
                frame = _refusal(id, body)
            else:
                frame = encode(Done(id=id, body=raw(body)))
            self.remembered.remember(session, id, frame)
            self.outbox.reply(frame)

        return reply


def _refusal(id: int, error: RefusedError) -> bytes:
    return encode(Refused(id=id, code=error.code, reason=error.reason))
