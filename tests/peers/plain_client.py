"""A client of the control bus made of pyzmq and msgpack alone: the independent witness.

It knows nothing of ``bus``: what it sends and expects is written down here from the documentation
of the messages.  Plain dictionaries go in and come out.
"""

import importlib
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import zmq

Fields = dict[str, object]

_msgpack = importlib.import_module("msgpack")  # it has no types of its own
pack: Callable[[object], bytes] = _msgpack.packb
unpack: Callable[[bytes], Fields] = _msgpack.unpackb

PING_EVERY = 1.0


class RefusedError(Exception):
    """The engine refused; ``code`` and the reason as the text."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code


class PlainClient:
    """A synchronous client; pings whenever it waits.  A context manager."""

    def __init__(self, socket: Path, name: str, *, greet: bool = True) -> None:
        self.name = name
        self.events: list[Fields] = []
        self.sequences: list[int] = []
        self.session = ""
        self.welcome: Fields = {}
        self._incarnation = uuid.uuid4().hex
        self._id = 0
        self._replies: dict[int, Fields] = {}
        self._pinged_at = 0.0
        self._greeted = greet
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(f"ipc://{socket}")
        if greet:
            self.hello()

    def hello(self) -> None:
        """Say hello (again) and take the session."""
        self.session = ""
        self.welcome = self.request(
            "hello", peer=self.name, incarnation=self._incarnation, version=1
        )
        self.session = str(self.welcome["session"])

    def send_frame(self, frame: bytes) -> None:
        """Send any bytes at all."""
        self._socket.send(frame)

    def post(self, verb: str, fields: Fields, *, deadline: float = 0.0, id: int = 0) -> int:
        """Send a request without waiting for its reply; return its id, the next one or ours."""
        self._id += 0 if id else 1
        envelope: Fields = {
            "kind": "request",
            "id": id or self._id,
            "session": self.session,
            "deadline": deadline,
            "body": {"verb": verb, **fields},
        }
        self._socket.send(pack(envelope))
        return id or self._id

    def request(
        self, verb: str, *, seconds: float = 5.0, deadline: float = 0.0, **fields: object
    ) -> Fields:
        """Send a request and return the body of its reply; raise RefusedError or AssertionError."""
        return self.reply(self.post(verb, fields, deadline=deadline), seconds=seconds)

    def reply(self, id: int, *, seconds: float = 5.0) -> Fields:
        """Wait for the reply to a request and return its body."""
        ends = time.monotonic() + seconds
        while id not in self._replies:
            assert time.monotonic() < ends, f"no reply to request {id} within {seconds} s"
            self.poll(0.05)
        envelope = self._replies.pop(id)
        if envelope["kind"] == "refused":
            raise RefusedError(str(envelope["code"]), str(envelope["reason"]))
        return cast("Fields", envelope["body"])

    def wait_event(self, verb: str, *, call: str = "", seconds: float = 10.0) -> Fields:
        """Return the first event of a kind (of a call), which is then used up."""
        ends = time.monotonic() + seconds
        while True:
            for event in self.events:
                if event["verb"] == verb and call in ("", event.get("call")):
                    self.events.remove(event)
                    return event
            kinds = [event["verb"] for event in self.events]
            assert time.monotonic() < ends, f"no {verb} within {seconds} s, but {kinds}"
            self.poll(0.05)

    def dial(self, uri: str, **fields: object) -> str:
        """Place a call and return its name."""
        return str(self.reply(self.post("dial", {"uri": uri, **fields}))["call"])

    def incoming(self, *, seconds: float = 10.0) -> str:
        """Return the name of the next call that comes in."""
        return str(self.wait_event("incoming_call", seconds=seconds)["call"])

    def poll(self, seconds: float) -> None:
        """Read what has arrived, waiting so long for the first frame; ping when it is time."""
        now = time.monotonic()
        if self._greeted and self.session and now - self._pinged_at > PING_EVERY:
            self._pinged_at = now
            self.post("ping", {})
        if self._socket.poll(int(seconds * 1000)):
            while self._socket.poll(0):
                self._take(unpack(self._socket.recv()))

    def watch(self, seconds: float) -> None:
        """Keep the session alive and collect events for so long."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            self.poll(min(left, 0.05))

    def _take(self, envelope: Fields) -> None:
        if envelope["kind"] == "event":
            self.sequences.append(cast("int", envelope["sequence"]))
            self.events.append(cast("Fields", envelope["body"]))
        else:
            self._replies[cast("int", envelope["id"])] = envelope

    def close(self) -> None:
        """Go away without a word."""
        self._socket.close()
        self._context.term()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


class PlainFeed:
    """A subscriber to the public feed; topics as in ``call``, ``worker``, ``sip``."""

    def __init__(self, socket: Path, *topics: str) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(f"ipc://{socket}")
        for topic in topics:
            self._socket.setsockopt(zmq.SUBSCRIBE, topic.encode())

    def next(self, seconds: float = 5.0) -> tuple[str, Fields] | None:
        """Return the next topic and body, or None after so many seconds."""
        if not self._socket.poll(int(seconds * 1000)):
            return None
        topic, frame = self._socket.recv_multipart()
        envelope = unpack(frame)
        return topic.decode(), cast("Fields", envelope["body"])

    def close(self) -> None:
        """Go away."""
        self._socket.close()
        self._context.term()
