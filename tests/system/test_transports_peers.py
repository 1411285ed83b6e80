"""Foreign ends of our transports: a record-routing proxy, a telephone over TLS, a browser."""

import re
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Request, TextMessage

from tests.peers.baresip import Baresip
from tests.peers.certificates import signed
from tests.peers.hand import SDP
from tests.peers.kamailio import Kamailio
from tests.peers.plain_client import PlainClient, PlainFeed
from tests.peers.ports import free_port
from tests.peers.wires import WiredEngine
from tools.sound import tune

NONSENSE = b"SIP/2.0 200 To nothing we asked\r\nContent-Length: 0\r\n\r\n"

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WiredEngine]:
    """Return an engine on all transports."""
    with WiredEngine(tmp_path_factory.mktemp("engine")) as running:
        running.wait_up()
        yield running
        running.stop_cleanly()


@pytest.fixture(scope="module")
def proxy(engine: WiredEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kamailio]:
    folder = tmp_path_factory.mktemp("kamailio")
    own = signed(folder, engine.trusted, "proxy.test")
    with Kamailio(folder, tls=own) as running:
        yield running


@pytest.fixture
def wire(engine: WiredEngine) -> Iterator[PlainFeed]:
    """Return what passes by SIP, from now on."""
    feed = PlainFeed(engine.run_dir / "events.sock", "sip")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        while feed.next(0.02) is None:  # until our subscription has arrived
            stranger.sendto(NONSENSE, ("127.0.0.1", engine.port["udp"]))
    while feed.next(0.1) is not None:
        pass
    yield feed
    feed.close()


def passed(wire: PlainFeed) -> list[tuple[str, str, str]]:
    """Return direction, remote address and first word of all messages so far, but responses."""
    seen: list[tuple[str, str, str]] = []
    while (event := wire.next(0.3)) is not None:
        fields = event[1]
        word = str(fields["text"]).split()[0]
        if word != "SIP/2.0":
            seen.append((str(fields["direction"]), str(fields["remote"]), word))
    return seen


# ------------------------------------------------------------------------------------- proxy


@pytest.mark.peer("kamailio")
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "ws"])
@pytest.mark.parametrize("by", ["caller", "callee"])
def test_a_call_goes_through_a_proxy_that_record_routes(
    engine: WiredEngine, proxy: Kamailio, app: PlainClient, wire: PlainFeed, transport: str, by: str
) -> None:
    """RFC 3261 12.2.1.1 and 16.6: loose routing, each request through the proxy, both ways.

    We call ourselves by way of the outbound proxy; towards it over each transport, from it by UDP
    (over TLS where the call is to a sips URI).
    """
    app.request("subscribe", user="me")
    port = {"tls": proxy.tls_port, "ws": proxy.ws_port}.get(transport, proxy.port)
    target = (
        f"sips:me@127.0.0.1:{engine.port['tls']}"
        if transport == "tls"
        else f"sip:me@127.0.0.1:{engine.port['udp']}"
    )
    call = app.dial(target, proxy=f"sip:127.0.0.1:{port};transport={transport}")
    ours = app.incoming()
    app.request("answer", call=ours)
    for each in (call, ours):
        app.wait_event("answered", call=each)
    app.request("hang_up", call=call if by == "caller" else ours)
    for each in (call, ours):
        assert app.wait_event("ended", call=each)["outcome"] == "completed"
    seen = passed(wire)
    for method in ("INVITE", "ACK", "BYE"):
        directions = {direction for direction, _, word in seen if word == method}
        assert directions == {"received", "sent"}, seen
    sent = {remote for direction, remote, _ in seen if direction == "sent"}
    assert sent <= {f"127.0.0.1:{one}" for one in (proxy.port, proxy.ws_port, proxy.tls_port)}, seen


# --------------------------------------------------------------------------------- telephone


@pytest.mark.peer("baresip")
def test_a_telephone_calls_and_is_called_over_tls(
    engine: WiredEngine, app: PlainClient, tmp_path: Path
) -> None:
    """Both verify the other: baresip our certificate, and we baresip's."""
    own = signed(tmp_path, engine.trusted, "phone.test")
    app.request("subscribe", user="service")
    with Baresip(
        tmp_path / "phone",
        says=tune(2.0, 1),
        transport="tls",
        certificate=own,
        trusted=engine.trusted.certificate,
    ) as phone:
        phone.dial(f"sip:service@127.0.0.1:{engine.port['tls']};transport=tls")
        call = app.incoming()
        app.request("answer", call=call)
        phone.wait_event("CALL_ESTABLISHED")
        app.wait_event("answered", call=call)
        phone.hang_up()
        assert app.wait_event("ended", call=call)["outcome"] == "completed"
        call = app.dial(phone.uri)
        phone.wait_event("CALL_INCOMING")
        phone.accept()
        app.wait_event("answered", call=call)
        app.request("hang_up", call=call)
        phone.wait_event("CALL_CLOSED")
        assert app.wait_event("ended", call=call)["outcome"] == "completed"


# ----------------------------------------------------------------------------------- browser


class Browser:
    """Who can be reached over its own WebSocket alone: its host names end in ``.invalid``."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.settimeout(10.0)
        self.web = WSConnection(ConnectionType.CLIENT)
        self.host = f"{uuid.uuid4().hex[:12]}.invalid"
        self.unread: list[str] = []
        hello = Request(host="127.0.0.1", target="/", subprotocols=["sip"])
        self.socket.sendall(self.web.send(hello))
        while not self._read():
            pass

    def _read(self) -> bool:
        """Read once; return whether the handshake was done in it."""
        received = self.socket.recv(65536)
        assert received, "closed"
        self.web.receive_data(received)
        done = False
        for event in self.web.events():
            done = done or isinstance(event, AcceptConnection)
            if isinstance(event, TextMessage):
                self.unread.append(event.data)
        return done

    def next(self, start: str) -> str:
        """Return the next message that begins with something."""
        while True:
            while not self.unread:
                self._read()
            message = self.unread.pop(0)
            if message.startswith(start):
                return message

    def send(self, text: str) -> None:
        self.socket.sendall(self.web.send(TextMessage(text)))

    def request(self, method: str, uri: str, to: str, number: int, body: str = "") -> None:
        content = "Content-Type: application/sdp\r\n" if body else ""
        self.send(
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/WS {self.host};branch=z9hG4bK{uuid.uuid4().hex}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:alice@example.com>;tag=browser\r\nTo: {to}\r\nCall-ID: {self.host}\r\n"
            f"CSeq: {number} {method}\r\nContact: <sip:alice@{self.host};transport=ws>\r\n"
            f"{content}\r\n{body}"
        )

    def grant(self, request: str) -> None:
        kept = re.findall(r"(?:Via|From|To|Call-ID|CSeq): .*\r\n", request)
        self.send(f"SIP/2.0 200 OK\r\n{''.join(kept)}\r\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()


def test_a_browser_calls_and_is_hung_up(engine: WiredEngine, app: PlainClient) -> None:
    """RFC 7118 8: without Content-Length, and our BYE finds its way back over the WebSocket."""
    app.request("subscribe", user="service")
    uri = f"sip:service@127.0.0.1:{engine.port['ws']};transport=ws"
    with Browser(engine.port["ws"]) as browser:
        offer = SDP.format(port=free_port(), version=1, direction="sendrecv")
        browser.request("INVITE", uri, f"<{uri}>", 1, offer)
        call = app.incoming()
        app.request("answer", call=call)
        answer = browser.next("SIP/2.0 200")
        assert re.search(r"^Contact: <sip:.*;transport=ws>\r$", answer, re.M)
        to = re.search(r"^To: (.*)\r$", answer, re.M)
        assert to is not None
        browser.request("ACK", uri, to[1], 1)
        app.wait_event("answered", call=call)
        app.request("hang_up", call=call)
        bye = browser.next("BYE ")
        assert f"@{browser.host};transport=ws" in bye
        assert "Via: SIP/2.0/WS " in bye
        browser.grant(bye)
        assert app.wait_event("ended", call=call)["outcome"] == "completed"
