import socket
import ssl
from pathlib import Path

import pytest

from tests.peers.certificates import authority, signed
from tests.peers.kamailio import Kamailio
from tests.peers.ports import bound_ports
from tests.peers.processes import eventually
from tests.peers.sipp import Sipp

pytestmark = [pytest.mark.peer("kamailio"), pytest.mark.timeout(60)]

USERS = {"anna": "secret"}


def register(folder: Path, proxy: Kamailio, password: str, port: int = 9) -> Sipp:
    return Sipp(
        folder,
        "registers",
        remote=proxy.sip,
        status=401,
        seconds=5,
        login=("anna", password),
        keys={"user": "anna", "contact_port": port, "expires": 60},
    )


@pytest.mark.peer("sipp")
def test_a_registered_telephone_is_called_through_it(tmp_path: Path) -> None:
    """Digest, location, Record-Route: the BYE of the callee comes through the proxy, too."""
    with (
        Kamailio(tmp_path / "proxy", users=USERS) as proxy,
        Sipp(tmp_path, "answers_and_hangs_up", hold_ms=200, seconds=10) as phone,
    ):
        with register(tmp_path, proxy, "secret", phone.port) as registration:
            registration.finish().check(1)
        with Sipp(
            tmp_path, "calls_and_is_hung_up", remote=proxy.sip, service="anna", seconds=10
        ) as caller:
            outcome = caller.finish()
        outcome.check(1)
        phone.finish().check(1)
    assert f"Record-Route: <sip:{proxy.sip};lr" in outcome.messages
    received = outcome.messages.partition("BYE sip:")[2]
    assert received.count("Via:") >= 2


@pytest.mark.peer("sipp")
def test_a_wrong_password_does_not_register(tmp_path: Path) -> None:
    with (
        Kamailio(tmp_path / "proxy", users=USERS) as proxy,
        register(tmp_path, proxy, "wrong") as registration,
    ):
        assert registration.finish().failed == 1


@pytest.mark.peer("sipp")
def test_it_forks_to_all_at_once(tmp_path: Path) -> None:
    """Both ring and answer at once: the caller gets one 200 from each."""
    with (
        Sipp(tmp_path, "answers_and_is_hung_up", seconds=10) as first,
        Sipp(tmp_path, "refuses", status=486, keys={"extra": "X: y"}, seconds=10) as second,
        Kamailio(
            tmp_path / "proxy",
            forks={"team": [f"sip:a@127.0.0.1:{phone.port}" for phone in (first, second)]},
        ) as proxy,
        Sipp(
            tmp_path, "calls_and_hangs_up", remote=proxy.sip, service="team", seconds=10
        ) as caller,
    ):
        caller.finish().check(1)
        first.finish().check(1)
        second.finish().check(1)


@pytest.mark.peer("openssl")
def test_it_speaks_tls_and_websocket_and_leaves_no_port(tmp_path: Path) -> None:
    trusted = authority(tmp_path)
    with Kamailio(tmp_path / "proxy", tls=signed(tmp_path, trusted)) as proxy:
        context = ssl.create_default_context(cafile=trusted.certificate)
        with (
            socket.create_connection(("127.0.0.1", proxy.tls_port), 5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            assert secure.version() in ("TLSv1.2", "TLSv1.3")
        with socket.create_connection(("127.0.0.1", proxy.ws_port), 5) as connection:
            connection.settimeout(5)
            connection.sendall(
                b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                b"Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            assert b"101 Switching" in connection.recv(4096)
    ports = {proxy.port, proxy.ws_port, proxy.tls_port}
    eventually("its ports are free", lambda: not ports & bound_ports("tcp"))
