"""The part of signaling, played with nothing but pyzmq and msgpack."""

import contextlib
import importlib
import itertools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import zmq

Message = dict[str, Any]

_msgpack = importlib.import_module("msgpack")  # it has no types of its own


def pack(message: object) -> bytes:
    return bytes(_msgpack.packb(message))


def unpack(frame: bytes) -> Message:
    message = _msgpack.unpackb(frame)
    assert isinstance(message, dict)
    return cast("Message", message)


class SignalingRole:
    """A ROUTER on ``workers.sock`` that has at most one worker."""

    def __init__(self, run_dir: Path) -> None:
        self.context: zmq.SyncContext = zmq.Context()
        self.socket: zmq.SyncSocket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.router_mandatory = 1
        self.socket.bind(f"ipc://{run_dir}/workers.sock")
        self.worker = b""
        self.session = ""
        self.ids = itertools.count(1)
        self.unread: list[bytes] = []
        """Frames that came with the last one."""
        self.hello: Message = {}
        self.events: list[Message] = []
        self.beats: list[Message] = []
        self.replies: dict[int, Message] = {}

    def close(self) -> None:
        self.socket.close()
        self.context.term()

    # ------------------------------------------------------------------------------ bytes

    def send(self, frame: bytes) -> None:
        self.socket.send_multipart([self.worker, frame])

    def receive(self, seconds: float = 10.0) -> Message:
        """Return the next message, whatever it is."""
        if not self.unread:
            assert self.socket.poll(int(seconds * 1000)), "the worker is silent"
            self.worker, *self.unread = self.socket.recv_multipart()
        return unpack(self.unread.pop(0))

    def silent(self, seconds: float = 0.1) -> bool:
        return not self.socket.poll(int(seconds * 1000))

    # --------------------------------------------------------------------------- protocol

    def welcome(self, session: str = "s1") -> Message:
        """Wait for a hello, answer it, and return it."""
        while True:
            message = self.receive()
            if message.get("body", {}).get("verb") == "worker_hello":
                break
            self._refuse_stale(message)
        assert message["session"] == ""
        self.hello, self.session = message["body"], session
        self.done(message["id"], {"verb": "worker_welcome", "session": session})
        return self.hello

    def done(self, id: int, body: Mapping[str, object]) -> None:
        self.send(pack({"kind": "done", "id": id, "body": body}))

    def refuse(self, id: int, code: str, reason: str = "") -> None:
        self.send(pack({"kind": "refused", "id": id, "code": code, "reason": reason}))

    def request(
        self, verb: str, body: Mapping[str, object], *, id: int = 0, **envelope: object
    ) -> int:
        """Send a request; return its id."""
        id = id or next(self.ids)
        frame = {
            "kind": "request",
            "id": id,
            "deadline": time.time() + 30,
            "session": self.session,
            "body": {"verb": verb, **body},
            **envelope,
        }
        self.send(pack(frame))
        return id

    def reply(self, id: int) -> Message:
        """Wait for the reply to a request; beats are answered, events are kept."""
        while id not in self.replies:
            self.handle(self.receive())
        return self.replies.pop(id)

    def ask(self, verb: str, **body: object) -> Message:
        """Send a request and return the body of its reply; it must not be refused."""
        reply = self.reply(self.request(verb, body))
        assert reply["kind"] == "done", reply
        result: Message = reply["body"]
        return result

    def refused(self, verb: str, **body: object) -> tuple[str, str]:
        """Send a request and return the code and reason of its refusal."""
        reply = self.reply(self.request(verb, body))
        assert reply["kind"] == "refused", reply
        return reply["code"], reply["reason"]

    def event(self, verb: str) -> Message:
        """Wait for an event."""
        while True:
            for index, event in enumerate(self.events):
                if event["verb"] == verb:
                    return self.events.pop(index)
            self.handle(self.receive())

    def beat(self) -> Message:
        """Wait for a beat."""
        self.beats.clear()
        while not self.beats:
            self.handle(self.receive())
        return self.beats[-1]

    def handle(self, message: Message) -> None:
        match message["kind"]:
            case "request" if message["body"]["verb"] == "worker_beat":
                assert message["session"] == self.session
                self.beats.append(message["body"])
                self.done(message["id"], {"verb": "ok"})
            case "event":
                self.events.append(message["body"])
            case "done" | "refused":
                self.replies[message["id"]] = message
            case other:
                raise AssertionError(f"unexpected {other}: {message}")

    def _refuse_stale(self, message: Message) -> None:
        if message["kind"] == "request":
            with contextlib.suppress(zmq.ZMQError):  # what a killed worker had said last
                self.refuse(message["id"], "stale_session", "who are you?")
