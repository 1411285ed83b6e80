"""SCENARIO 34, the framing: SIP over TCP, split, merged and kept alive."""

import socket
import time
from pathlib import Path

import pytest

from tests.peers.engine import Engine
from tests.peers.plain_client import PlainClient
from tests.peers.sipp import Sipp

pytestmark = [pytest.mark.peer("sipp"), pytest.mark.timeout(60)]


def options(number: int) -> bytes:
    return (
        f"OPTIONS sip:service@127.0.0.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/TCP 127.0.0.1:5999;branch=z9hG4bKframing{number}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:hand@127.0.0.1>;tag=a\r\nTo: <sip:service@127.0.0.1>\r\n"
        f"Call-ID: framing{number}\r\nCSeq: 1 OPTIONS\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"
    ).encode()


def read(connection: socket.socket, count: int, seconds: float = 5.0) -> bytes:
    """Read until so many responses have come."""
    received = b""
    ends = time.monotonic() + seconds
    while received.count(b"SIP/2.0 200") < count or not received.endswith(b"\r\n\r\n"):
        connection.settimeout(max(0.01, ends - time.monotonic()))
        more = connection.recv(65536)
        assert more, f"closed after {received!r}"
        received += more
    return received


def connect(engine: Engine) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", engine.sip_port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def test_two_messages_in_one_segment(engine: Engine) -> None:
    with connect(engine) as connection:
        connection.sendall(options(1) + options(2))
        received = read(connection, 2)
    assert received.index(b"framing1") < received.index(b"framing2")


def test_a_message_byte_by_byte(engine: Engine) -> None:
    with connect(engine) as connection:
        for byte in options(3):
            connection.sendall(bytes([byte]))
        assert b"framing3" in read(connection, 1)


def test_a_body_that_comes_later(engine: Engine) -> None:
    message = options(4)
    with connect(engine) as connection:
        connection.sendall(message[:-2])
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(65536)
        connection.sendall(message[-2:] + options(5))
        assert b"framing5" in read(connection, 2)


def test_a_ping_is_answered_with_a_pong(engine: Engine) -> None:
    """RFC 5626, 3.5.1: CRLF CRLF is answered with CRLF; the stream goes on."""
    with connect(engine) as connection:
        connection.sendall(b"\r\n\r\n")
        connection.settimeout(5)
        assert connection.recv(16) == b"\r\n"
        connection.sendall(b"\r\n\r\n" + options(6))
        assert b"framing6" in read(connection, 1)


def test_a_call_comes_in_over_tcp(engine: Engine, app: PlainClient, tmp_path: Path) -> None:
    app.request("subscribe", user="*")
    with Sipp(
        tmp_path, "calls_and_hangs_up", remote=engine.sip, transport="t1", hold_ms=300
    ) as peer:
        app.request("answer", call=app.incoming())
        app.wait_event("answered")
        assert app.wait_event("ended")["outcome"] == "completed"
        peer.finish().check(1)


def test_a_call_goes_out_over_tcp(app: PlainClient, tmp_path: Path) -> None:
    with Sipp(tmp_path, "answers_and_is_hung_up", transport="t1") as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port};transport=tcp")
        app.wait_event("answered", call=call)
        app.request("hang_up", call=call)
        assert app.wait_event("ended", call=call)["outcome"] == "completed"
        peer.finish().check(1)


def test_a_connection_that_breaks_does_not_end_the_engine(engine: Engine) -> None:
    with connect(engine) as connection:
        connection.sendall(options(7)[:50])
    with connect(engine) as connection:
        connection.sendall(options(8))
        assert b"framing8" in read(connection, 1)
