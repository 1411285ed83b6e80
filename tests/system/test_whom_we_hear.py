"""On the wire: peers that fall silent, peers behind NAT, strangers, RTCP that goes with RTP."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from mediaworker.rtp import rtcp
from tests.peers.baresip import Baresip
from tests.peers.calls import TONE, hang_up, take_call
from tests.peers.engine import Engine
from tests.peers.hand import Hand, rtp_packet
from tests.peers.plain_client import Fields, PlainClient
from tools.sound import tune

pytestmark = pytest.mark.timeout(90)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Return an engine that is not patient."""
    settings = {"media.rtp_timeout": 1.5, "media.rtp_timeout_hangup": 3}
    with Engine(tmp_path_factory.mktemp("engine"), settings=settings) as running:
        running.wait_up()
        yield running
        running.stop_cleanly()


@pytest.fixture
def hand(app: PlainClient) -> Iterator[Hand]:
    app.request("subscribe", user="*")
    with Hand() as made:
        yield made


def talk(source: socket.socket, port: int, first: int, count: int, ssrc: int = 7) -> None:
    """Send packets of silence, one every 20 ms."""
    for number in range(first, first + count):
        packet = rtp_packet(b"\xff" * 160, sequence=number, timestamp=160 * number, ssrc=ssrc)
        source.sendto(packet, ("127.0.0.1", port))
        time.sleep(0.02)


def emptied(source: socket.socket) -> list[bytes]:
    """Return what has come."""
    source.setblocking(False)
    found: list[bytes] = []
    try:
        while True:
            found.append(source.recv(2048))
    except BlockingIOError:
        return found


def bound() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made


def quality(ended: Fields) -> dict[str, float]:
    return cast("dict[str, float]", ended["quality"])


@pytest.mark.peer("baresip")
def test_a_telephone_that_dies(engine: Engine, app: PlainClient, tmp_path: Path) -> None:
    with Baresip(tmp_path, says=tune(2.0, 1)) as phone:
        call = app.dial(phone.uri, play=TONE)
        phone.take()
        app.wait_event("answered", call=call)
        time.sleep(1.0)
        phone.kill()
        timeout = app.wait_event("media_timeout", call=call)
        assert 1.5 <= cast("float", timeout["seconds"]) < 2.5
        ended = app.wait_event("ended", call=call)
    assert (ended["outcome"], ended["by"]) == ("failed", "engine")
    assert ended["reason"] == "no RTP for 3 s"
    assert 3.5 < cast("float", ended["duration"]) < 6.5


def test_a_peer_behind_nat_and_a_stranger(engine: Engine, app: PlainClient, hand: Hand) -> None:
    """Its packets come from elsewhere: that is where it hears us; nobody can take its place."""
    answered = take_call(app, hand, engine.sip_port)
    port = cast("int", answered["port"])
    with bound() as outside, bound() as stranger:
        talk(outside, port, 0, 20)
        emptied(hand.rtp)
        for part in range(10):
            talk(outside, port, 20 + 5 * part, 5)
            talk(stranger, port, 5 * part, 5, ssrc=99)
        assert len(emptied(outside)) > 50
        assert not emptied(stranger)
        assert not emptied(hand.rtp)
    ended = hang_up(app, hand, str(answered["call"]))
    assert quality(ended)["packets_received"] == 70 - 3
    assert quality(ended)["strangers"] == 50 + 3


def test_rtcp_goes_with_rtp(engine: Engine, app: PlainClient, hand: Hand) -> None:
    hand.invite(engine.sip_port, body=hand.sdp() + "a=rtcp-mux\r\n")
    call = app.incoming()
    app.request("answer", call=call, play=TONE)
    assert "a=rtcp-mux" in hand.expect(200).body
    hand.request("ACK")
    answered = app.wait_event("answered", call=call)
    port = int(str(answered["local_media"]).rpartition(":")[2])
    ours = rtcp.report(7, "hand", None, (rtcp.Block(0, 0, 0, 0, 0, 0, 0),))
    reports: list[rtcp.Compound] = []
    for part in range(40):
        hand.rtp.sendto(ours, ("127.0.0.1", port))
        talk(hand.rtp, port, 10 * part, 10)
        came = [each for each in emptied(hand.rtp) if 200 <= each[1] <= 207]
        reports += [each for each in map(rtcp.parse, came) if each is not None]
        if reports:
            break
    (report,) = reports
    assert report.blocks[0].ssrc == 7
    assert report.extended.metrics[0].ssrc == 7
    ended = hang_up(app, hand, call)
    assert quality(ended)["strangers"] == 0
    assert quality(ended)["packets_lost"] == 0
