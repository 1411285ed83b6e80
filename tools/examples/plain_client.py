"""A call without Offhook's Python client: pyzmq and msgpack alone, as from any other language.

python3 -m bus up &                             # an engine
python3 tools/examples/plain_client.py RUN_DIR sip:echo@127.0.0.1:5070

Every message is one MessagePack map.  Its ``kind`` is request, done, refused or event; its ``body``
is another map, whose ``verb`` says what it is (all of them: ``bus/calls.py``).
"""

import importlib
import sys
import time
from collections.abc import Callable
from typing import cast
from uuid import uuid4

import zmq

Map = dict[str, object]
msgpack = importlib.import_module("msgpack")
pack: Callable[[Map], bytes] = msgpack.packb
unpack: Callable[[bytes], Map] = msgpack.unpackb


class Client:
    """A session with an engine."""

    def __init__(self, run_dir: str) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.connect(f"ipc://{run_dir}/control.sock")
        self.session, self.last_id, self.events = "", 0, list[Map]()
        hello: Map = {"verb": "hello", "peer": "plain", "incarnation": uuid4().hex}
        self.session = str(self.ask(hello)["session"])

    def ask(self, body: Map) -> Map:
        """Send a request and return its reply; events that come before it are kept."""
        self.last_id += 1
        deadline = time.time() + 5
        request: Map = {
            "kind": "request",
            "id": self.last_id,
            "deadline": deadline,
            "session": self.session,
            "body": body,
        }
        self.socket.send(pack(request))
        while (frame := self.receive())["kind"] == "event" or frame["id"] != self.last_id:
            if frame["kind"] == "event":
                self.events.append(cast("Map", frame["body"]))
        if frame["kind"] == "refused":
            raise SystemExit(f"{body['verb']}: {frame['code']}: {frame['reason']}")
        return cast("Map", frame["body"])

    def wait_for(self, *verbs: str) -> Map:
        """Return the next event of one of these kinds, and ping meanwhile to keep the session."""
        while True:
            while self.events:
                if (event := self.events.pop(0))["verb"] in verbs:
                    return event
            if self.socket.poll(1000):
                frame = self.receive()
                if frame["kind"] == "event":
                    self.events.append(cast("Map", frame["body"]))
            else:
                self.ask({"verb": "ping"})

    def receive(self) -> Map:
        """Return one frame; give up after five seconds."""
        if not self.socket.poll(5000):
            raise SystemExit("the engine does not answer")
        return unpack(self.socket.recv())


def main(run_dir: str, uri: str) -> None:
    """Call, send digits, hang up, print how it ended."""
    client = Client(run_dir)
    tone: Map = {"source": "tone", "frequency": 440.0, "level": -10.0}
    call = client.ask({"verb": "dial", "uri": uri, "play": tone})["call"]
    event = client.wait_for("answered", "ended")
    if event["verb"] == "answered":
        print(f"answered, {event['codec']}")
        client.ask({"verb": "send_digits", "call": call, "digits": "12#"})
        client.wait_for("digits_sent", "ended")
        client.ask({"verb": "hang_up", "call": call})
        event = client.wait_for("ended")
    print(f"ended: {event['outcome']}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
