"""Feed every torture message to a live engine, with a call running; print what was answered.

    unshare --net python -m tests.system.torture FOLDER

Meant for a network namespace with nothing but ``lo``, because such messages name foreign hosts.
The application answers whatever calls come in, so that their media goes nowhere, too.  One JSON
object a line: ``{"message": NAME, "transport": "udp", "answers": [400]}``; at the end ``{"gap":
SECONDS, "continuous": true}`` about the running call, as its peer saw it.
"""

import json
import re
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.peers.calls import TONE, hang_up, take_call
from tests.peers.capture import UDP, Capture, check_continuous, longest_gap
from tests.peers.engine import Engine
from tests.peers.hand import Hand
from tests.peers.material import TortureMessage, folder, torture_messages
from tests.peers.plain_client import PlainClient, RefusedError

SILENCE_MEANS_NONE: Final = 0.4
"""Seconds without an answer after which there is none."""
STATUS: Final = re.compile(rb"^SIP/2\.0 (\d{3}) ", re.M)


def main(work: Path) -> None:
    """Run the engine, the call and the messages; print the results."""
    settings = {"sip.t1": 0.1}
    with Engine(work, settings=settings) as engine, Capture() as wire, Hand() as hand:
        engine.wait_up()
        with engine.client("torture") as app:
            app.request("subscribe", user="*")
            call = take_call(app, hand, engine.sip_port)["call"]
            for message in torture_messages():
                show(message.name, "udp", over_udp(engine, app, wire, message))
            for message in torture_messages():
                show(message.name, "tcp", over_tcp(engine, app, message))
            for name, datagram in crashers():
                show(name, "udp", over_udp(engine, app, wire, TortureMessage(name, datagram, "")))
            hang_up(app, hand, call)
        packets = wire.rtp(destination=hand.media_port)
        check_continuous(packets)
        show_line({"gap": longest_gap(packets), "packets": len(packets)})
        engine.stop_cleanly(30.0)


def show(name: str, transport: str, answers: list[int]) -> None:
    """Print one result."""
    show_line({"message": name, "transport": transport, "answers": answers})


def show_line(fields: dict[str, object]) -> None:
    """Print one JSON object."""
    print(json.dumps(fields), flush=True)  # noqa: T201  the parent reads it


def crashers() -> Iterator[tuple[str, bytes]]:
    """Give the inputs that crashed some other parser, as they are."""
    found = folder("crashers")
    for path in sorted((found / "sip").rglob("*")) if found else []:
        if path.is_file():
            yield path.name, path.read_bytes()[:60000]


def answer_calls(app: PlainClient) -> None:
    """Answer whatever call has come in; it may be over already."""
    for event in [event for event in app.events if event["verb"] == "incoming_call"]:
        app.events.remove(event)
        try:
            app.reply(app.post("answer", {"call": event["call"], "play": TONE}))
        except RefusedError:
            continue


def over_udp(engine: Engine, app: PlainClient, wire: Capture, message: TortureMessage) -> list[int]:
    """Send one datagram; return the statuses of all that the engine sent back, wherever to."""
    before = time.time()
    datagram = _another_transaction(message.message, "udp" + message.name.partition(".")[0])
    call_id = _call_id(datagram)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        sender.sendto(datagram, ("127.0.0.1", engine.sip_port))
        app.watch(SILENCE_MEANS_NONE / 2)
        answer_calls(app)
        app.watch(SILENCE_MEANS_NONE / 2)
    return [
        int(found.group(1))
        for packet in wire.packets()
        if packet.protocol == UDP
        and packet.source == engine.sip_port
        and packet.at >= before
        and (found := STATUS.match(packet.payload))
        and _call_id(packet.payload) == call_id
    ]


def over_tcp(engine: Engine, app: PlainClient, message: TortureMessage) -> list[int]:
    """Send the message on a connection of its own; return the statuses that came back on it."""
    received = b""
    with socket.create_connection(("127.0.0.1", engine.sip_port)) as connection:
        connection.sendall(
            _another_transaction(message.message, "tcp" + message.name.partition(".")[0])
        )
        for _ in range(2):
            app.watch(SILENCE_MEANS_NONE / 2)
            answer_calls(app)
            connection.settimeout(0.05)
            try:
                received += connection.recv(65536)
            except (TimeoutError, ConnectionResetError):
                continue
    return [int(status) for status in STATUS.findall(received)]


def _another_transaction(message: bytes, mark: str) -> bytes:
    """Mark Call-ID and branch: some messages share them, and would be retransmissions."""
    changed = re.sub(rb"(?im)^(call-id|i)(\s*:\s*)", rb"\1\2" + mark.encode(), message)
    return re.sub(rb"z9hG4bK(?=\w)", b"z9hG4bK" + mark.encode(), changed)


def _call_id(message: bytes) -> bytes:
    found = re.search(rb"(?im)^(?:call-id|i)\s*:\s*(\S+)", message)
    return found.group(1) if found else b""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
