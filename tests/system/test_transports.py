"""SCENARIO 34 and RFC 3263: every transport, servers that fail, connections that break."""

import re
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.peers.certificates import authority, signed
from tests.peers.dnsmasq import Dnsmasq
from tests.peers.hand import SDP, Hand
from tests.peers.plain_client import PlainClient
from tests.peers.ports import free_port
from tests.peers.sipp import Sipp
from tests.peers.wires import NAME, TOLD, WiredEngine

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WiredEngine]:
    """Return an engine on all transports."""
    with WiredEngine(tmp_path_factory.mktemp("engine")) as running:
        running.wait_up()
        yield running
        running.stop_cleanly()


def hang_up(app: PlainClient, call: str) -> None:
    app.request("hang_up", call=call)
    assert app.wait_event("ended", call=call)["outcome"] == "completed"


# ----------------------------------------------------------------------------- each transport


@pytest.mark.parametrize(
    "uri",
    [
        *(f"sip:me@{host}:{{{t}}};transport={t}" for host in ("127.0.0.1", "[::1]")
          for t in ("udp", "tcp", "ws")),
        "sip:me@127.0.0.1:{tls};transport=tls",
        "sips:me@127.0.0.1:{tls}",
        "sips:me@127.0.0.1:{wss};transport=ws",
    ],
)  # fmt: skip
def test_a_call_over_each_transport(engine: WiredEngine, app: PlainClient, uri: str) -> None:
    """We call ourselves: both ends of each transport, IPv4 and IPv6."""
    app.request("subscribe", user="me")
    call = app.dial(uri.format(**engine.port))
    ours = app.incoming()
    app.request("answer", call=ours)
    for each in (call, ours):
        app.wait_event("answered", call=each)
    app.request("hang_up", call=ours)
    for each in (call, ours):
        assert app.wait_event("ended", call=each)["outcome"] == "completed"


def test_sips_without_tls_is_refused(engine: WiredEngine) -> None:
    """RFC 5630: 416, whatever the transport parameter says."""
    request = (
        "OPTIONS sips:me@127.0.0.1 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKsips;rport\r\nMax-Forwards: 70\r\n"
        "From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sips:me@127.0.0.1>\r\nCall-ID: sips\r\n"
        "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(5.0)
        peer.sendto(request.encode(), ("127.0.0.1", engine.port["udp"]))
        assert peer.recv(4096).startswith(b"SIP/2.0 416 ")


def test_a_listener_behind_nat_tells_its_own_place(engine: WiredEngine, app: PlainClient) -> None:
    """1:1 NAT: Contact and SDP have the address that the world knows."""
    app.request("subscribe", user="me")
    with Hand() as hand:
        hand.invite(engine.port["nat"], "me")
        app.request("answer", call=app.incoming())
        answer = hand.expect(200)
        assert f"@{TOLD}>" in answer.header("Contact")
        assert f"c=IN IP4 {TOLD.partition(':')[0]}" in answer.body.splitlines()
        hand.request("ACK", cseq=1)
        app.wait_event("answered")
        hand.request("BYE")
        assert app.wait_event("ended")["outcome"] == "completed"


# -------------------------------------------------------------------------- locating servers


@pytest.mark.peer("sipp", "dnsmasq")
def test_a_server_that_says_503_is_passed_over(
    engine: WiredEngine, app: PlainClient, tmp_path: Path
) -> None:
    with (
        Sipp(tmp_path, "refuses", status=503, keys={"extra": "Retry-After: 1"}) as bad,
        Sipp(tmp_path, "answers_and_is_hung_up") as good,
        Dnsmasq(
            tmp_path,
            [
                f"srv-host=_sip._udp.two.test,b.two.test,{good.port},20,0",
                f"srv-host=_sip._udp.two.test,a.two.test,{bad.port},10,0",
                "host-record=a.two.test,b.two.test,127.0.0.1",
            ],
            port=engine.nameserver_port,
        ),
    ):
        call = app.dial("sip:bob@two.test")
        app.wait_event("answered", call=call)
        hang_up(app, call)
        bad.finish().check(1)
        good.finish().check(1)


@pytest.mark.peer("sipp", "dnsmasq")
def test_a_server_that_is_not_there_is_passed_over(
    engine: WiredEngine, app: PlainClient, tmp_path: Path
) -> None:
    """NAPTR leads to TCP; nobody listens at the first server, and the second answers."""
    with (
        Sipp(tmp_path, "answers_and_is_hung_up", transport="t1") as good,
        Dnsmasq(
            tmp_path,
            [
                "naptr-record=nap.test,10,10,s,SIP+D2T,,_sip._tcp.nap.test",
                f"srv-host=_sip._tcp.nap.test,b.nap.test,{good.port},20,0",
                f"srv-host=_sip._tcp.nap.test,a.nap.test,{free_port()},10,0",
                "host-record=a.nap.test,b.nap.test,127.0.0.1",
            ],
            port=engine.nameserver_port,
        ) as names,
    ):
        call = app.dial("sip:bob@nap.test")
        app.wait_event("answered", call=call)
        hang_up(app, call)
        good.finish().check(1)
        assert not names.queries("SRV", "_sip._udp.nap.test")


@pytest.mark.peer("dnsmasq")
def test_a_name_that_does_not_exist_ends_the_call(
    engine: WiredEngine, app: PlainClient, tmp_path: Path
) -> None:
    with Dnsmasq(tmp_path, [], port=engine.nameserver_port):
        ended = app.wait_event("ended", call=app.dial("sip:bob@none.test"))
    assert (ended["outcome"], ended["reason"]) == ("unreachable", "none.test does not exist")


# -------------------------------------------------------------------------------------- size


@pytest.mark.peer("sipp")
def test_a_long_request_goes_over_udp_where_tcp_is_refused(
    app: PlainClient, tmp_path: Path
) -> None:
    """RFC 3261 18.1.1: the peer has UDP only."""
    with Sipp(tmp_path, "answers_and_is_hung_up") as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", headers=[["X-Long", "x" * 1400]])
        app.wait_event("answered", call=call)
        hang_up(app, call)
        outcome = peer.finish()
        outcome.check(1)
    assert re.search(r"INVITE .*?Via: SIP/2.0/UDP .*?X-Long", outcome.messages, re.S)


@pytest.mark.peer("sipp")
def test_a_long_request_goes_over_tcp_where_it_can(app: PlainClient, tmp_path: Path) -> None:
    with Sipp(tmp_path, "answers_and_is_hung_up", transport="t1") as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", headers=[["X-Long", "x" * 1400]])
        app.wait_event("answered", call=call)
        hang_up(app, call)
        peer.finish().check(1)


# ----------------------------------------------------------------------- a connection breaks


def cut(connection: socket.socket) -> None:
    """Reset a connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Callee:
    """One call over TCP, played by hand; it may cut its connection at any time."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.settimeout(10.0)
        self.port: int = self.listening.getsockname()[1]
        self.accepted: list[socket.socket] = []
        self.read = b""

    @property
    def connection(self) -> socket.socket:
        """The latest."""
        return self.accepted[-1]

    def accept(self) -> None:
        self.accepted.append(self.listening.accept()[0])
        self.connection.settimeout(10.0)
        self.read = b""

    def next(self) -> str:
        """Return the next message."""
        head = re.compile(rb"Content-Length: (\d+)\r\n(?:[^\r\n]+\r\n)*\r\n")
        while not (found := head.search(self.read)):
            self._more()
        end = found.end() + int(found[1])
        while len(self.read) < end:
            self._more()
        message, self.read = self.read[:end], self.read[end:]
        return message.decode()

    def _more(self) -> None:
        received = self.connection.recv(65536)
        assert received, "closed"
        self.read += received

    def answer(self, request: str, body: str = "") -> None:
        kept = re.findall(r"(?:Via|From|To|Call-ID|CSeq): .*\r\n", request)
        tagged = [
            line if not line.startswith("To:") or ";tag=" in line else f"{line[:-2]};tag=callee\r\n"
            for line in kept
        ]
        content = "Content-Type: application/sdp\r\n" if body else ""
        self.connection.sendall(
            f"SIP/2.0 200 OK\r\n{''.join(tagged)}"
            f"Contact: <sip:bob@127.0.0.1:{self.port};transport=tcp>\r\n"
            f"{content}Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )

    def cut(self) -> None:
        """Reset the connection."""
        cut(self.connection)

    def close(self) -> None:
        for each in (*self.accepted, self.listening):
            each.close()


@pytest.fixture
def callee() -> Iterator[Callee]:
    callee = Callee()
    yield callee
    callee.close()


def test_a_dialog_goes_on_over_a_new_connection(app: PlainClient, callee: Callee) -> None:
    call = app.dial(f"sip:bob@127.0.0.1:{callee.port};transport=tcp")
    callee.accept()
    callee.answer(callee.next(), SDP.format(port=free_port(), version=1, direction="sendrecv"))
    assert callee.next().startswith("ACK ")
    app.wait_event("answered", call=call)
    callee.cut()
    app.request("hang_up", call=call)
    callee.accept()
    bye = callee.next()
    assert bye.startswith("BYE ")
    callee.answer(bye)
    assert app.wait_event("ended", call=call)["outcome"] == "completed"


def test_an_answer_finds_its_way_when_the_connection_is_gone(
    engine: WiredEngine, app: PlainClient, callee: Callee
) -> None:
    """RFC 3261 18.2.2: to the port of the Via; and all that follows goes there too."""
    app.request("subscribe", user="me")
    offer = SDP.format(port=free_port(), version=1, direction="sendrecv")
    common = (
        f"Via: SIP/2.0/TCP 127.0.0.1:{callee.port};branch=z9hG4bKgone%s;rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:me@127.0.0.1>%s\r\n"
        f"Call-ID: gone\r\nCSeq: 1 %s\r\n"
        f"Contact: <sip:a@127.0.0.1:{callee.port};transport=tcp>\r\n"
    )
    with socket.create_connection(("127.0.0.1", engine.port["tcp"])) as connection:
        connection.sendall(
            b"INVITE sip:me@127.0.0.1 SIP/2.0\r\n"
            + (common % ("1", "", "INVITE")).encode()
            + f"Content-Type: application/sdp\r\nContent-Length: {len(offer)}\r\n\r\n".encode()
            + offer.encode()
        )
        call = app.incoming()
        cut(connection)
    app.request("answer", call=call)
    callee.accept()
    while not (answer := callee.next()).startswith("SIP/2.0 200 "):
        pass
    tag = re.search(r"^To: .*(;tag=\w+)", answer, re.M)
    assert tag is not None
    ack = f"ACK sip:me@127.0.0.1 SIP/2.0\r\n{common % ('2', tag[1], 'ACK')}"
    callee.connection.sendall(f"{ack}Content-Length: 0\r\n\r\n".encode())
    app.wait_event("answered", call=call)
    app.request("hang_up", call=call)
    bye = callee.next()
    assert bye.startswith("BYE ")
    callee.answer(bye)
    assert app.wait_event("ended", call=call)["outcome"] == "completed"


def test_a_request_that_a_reset_swallowed_is_sent_again(app: PlainClient, callee: Callee) -> None:
    """The INVITE was written to a connection that is then reset before anybody answers."""
    call = app.dial(f"sip:bob@127.0.0.1:{callee.port};transport=tcp")
    callee.accept()
    first = callee.next()
    callee.cut()
    callee.accept()
    second = callee.next()
    assert first == second
    callee.answer(second, SDP.format(port=free_port(), version=1, direction="sendrecv"))
    app.wait_event("answered", call=call)
    assert callee.next().startswith("ACK ")
    app.request("hang_up", call=call)
    callee.answer(callee.next())
    app.wait_event("ended", call=call)


# --------------------------------------------------------------------------------------- TLS


@pytest.mark.parametrize("strange", [True, False])
def test_a_bad_certificate_ends_the_call_and_is_named(
    app: PlainClient, engine: WiredEngine, tmp_path: Path, strange: bool
) -> None:
    """SCENARIO 34: who does not prove to be the domain that was dialled hears no SIP at all."""
    by = authority(tmp_path, "stranger") if strange else engine.trusted
    shown = signed(tmp_path, by, "shown.test" if not strange else NAME)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.certificate, shown.key)
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        Dnsmasq(
            tmp_path,
            [f"host-record={NAME},127.0.0.1"],
            port=engine.nameserver_port,
        ),
    ):
        listening.settimeout(10.0)
        port = listening.getsockname()[1]
        call = app.dial(f"sips:bob@{NAME}:{port}")
        connection, _ = listening.accept()
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
            assert not secure.recv(100)
        ended = app.wait_event("ended", call=call)
    assert ended["outcome"] == "unreachable"
    assert re.match(rf"bad certificate of {NAME}: ", str(ended["reason"])), ended
