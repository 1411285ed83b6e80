"""The part of the supervisor, played with nothing but pyzmq and msgpack."""

from pathlib import Path

import zmq

from tests.mediaworker.signaling_role import Message, pack, unpack


class SupervisorRole:
    """A ROUTER on ``supervisor.sock`` that has at most one child."""

    def __init__(self, run_dir: Path) -> None:
        self.context: zmq.SyncContext = zmq.Context()
        self.socket: zmq.SyncSocket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(f"ipc://{run_dir}/supervisor.sock")
        self.child = b""

    def close(self) -> None:
        self.socket.close()
        self.context.term()

    def receive(self) -> Message:
        assert self.socket.poll(20000), "the child is silent"
        self.child, frame = self.socket.recv_multipart()
        return unpack(frame)

    def hello(self) -> Message:
        """Wait for a ``child_hello``, confirm it, and return its body."""
        message = self.receive()
        body: Message = message["body"]
        assert body["verb"] == "child_hello"
        self.send({"kind": "done", "id": message["id"], "body": {"verb": "ok"}})
        return body

    def send(self, message: Message) -> None:
        self.socket.send_multipart([self.child, pack(message)])

    def order(self, verb: str, **body: object) -> Message:
        """Give an order; return the reply."""
        self.send({"kind": "request", "id": 7, "body": {"verb": verb, **body}})
        reply = self.receive()
        assert reply["id"] == 7
        return reply
