"""SCENARIO 30: whom we hear, and who hears us, when others send to our port, too."""

import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

import pytest

from mediaworker.rtp import rtcp
from tests.peers.baresip import Baresip
from tests.peers.calls import hang_up
from tests.peers.capture import Capture, check_continuous
from tests.peers.engine import Engine
from tests.peers.hand import Hand
from tests.peers.hearing import check_hears, check_hears_not, decoded
from tests.peers.plain_client import Fields, PlainClient
from tests.peers.processes import eventually
from tests.peers.speaking import Speaker
from tools.sound import RATE, read_wav, tune, write_wav

pytestmark = [pytest.mark.peer("capture"), pytest.mark.timeout(60)]

SECONDS = 3.0
OURS, THEIRS, FALSE = tune(SECONDS, 1), tune(SECONDS, 2), tune(SECONDS, 3)
SSRC = 1234
EARLY = 2
"""Packets of a telephone that come before we know from its 200 where it is."""
COUNT = int(SECONDS * 50)
"""Packets of a song."""


@pytest.fixture
def song(tmp_path: Path) -> Fields:
    return {"source": "wave", "path": str(write_wav(tmp_path / "ours.wav", OURS))}


@contextmanager
def spraying(port: int, count: int) -> Generator[set[int]]:
    """Let strangers say another song to a port; give their own ports.

    Some have the SSRC that a peer of these tests has.  They report, too (RTCP).
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(bound()) for _ in range(count)]
        for number, source in enumerate(sockets):
            ssrc = SSRC + number // 2
            source.sendto(rtcp.report(ssrc, "stranger", None, ()), ("127.0.0.1", port + 1))
            stack.enter_context(Speaker(source, port, FALSE, ssrc=ssrc, number=9000 * number))
        yield {cast("int", source.getsockname()[1]) for source in sockets}


def bound() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made


def take(
    app: PlainClient, engine: Engine, hand: Hand, song: Fields, record: Path
) -> tuple[str, int]:
    """Let the hand call; return the call and our port."""
    app.request("subscribe", user="*")
    hand.invite(engine.sip_port)
    call = app.incoming()
    app.request("answer", call=call, play=song, record=str(record))
    hand.expect(200)
    hand.request("ACK")
    answered = app.wait_event("answered", call=call)
    return call, media_of(answered)


def media_of(answered: Fields) -> int:
    return int(str(answered["local_media"]).rpartition(":")[2])


def quality(ended: Fields) -> dict[str, float]:
    return cast("dict[str, float]", ended["quality"])


@pytest.mark.peer("baresip")
def test_strangers_spray_at_the_port_of_a_telephone(
    app: PlainClient, tmp_path: Path, song: Fields
) -> None:
    """It and we hear each other and nobody else; strangers are counted and get nothing."""
    record = tmp_path / "record.wav"
    with Capture() as wire, Baresip(tmp_path / "phone", says=THEIRS) as phone:
        call = app.dial(phone.uri, play=song, record=str(record))
        phone.take()
        answered = app.wait_event("answered", call=call)
        port, theirs = media_of(answered), int(str(answered["remote_media"]).rpartition(":")[2])
        eventually("it speaks", lambda: wire.rtp(source=theirs))
        with spraying(port, 4) as strangers:
            app.wait_event("play_finished", call=call)
        app.watch(0.1)
        app.request("hang_up", call=call)
        phone.wait_over()
        ended = app.wait_event("ended", call=call)
        sent = [packet for packet in wire.packets() if packet.source in (port, port + 1)]
        came = wire.rtp(source=theirs, destination=port)
        check_hears(OURS, phone.heard())
    check_hears(THEIRS, read_wav(record)[0][:, 1])
    check_hears_not(FALSE, read_wav(record)[0][:, 1])
    assert {packet.destination for packet in sent} == {theirs, theirs + 1}
    assert not strangers & {packet.destination for packet in sent}
    assert 4 * COUNT <= quality(ended)["strangers"] <= 4 * COUNT + EARLY
    assert len(came) - EARLY <= quality(ended)["packets_received"] <= len(came)


def test_strangers_spray_at_the_port_of_a_peer_behind_nat(
    engine: Engine, app: PlainClient, tmp_path: Path, song: Fields
) -> None:
    """Where it described to be nobody is; it is heard and hears us where it is.

    A stranger says what it says, too, and goes on when it is silent.
    """
    record = tmp_path / "record.wav"
    with Capture() as wire, Hand() as hand, bound() as outside:
        call, port = take(app, engine, hand, song, record)
        with Speaker(outside, port, THEIRS, ssrc=SSRC):
            place = cast("int", outside.getsockname()[1])
            eventually("we have learnt where it is", lambda: wire.rtp(destination=place))
            app.watch(SECONDS / 2)
            with spraying(port, 1) as strangers:
                pass
        app.watch(0.1)
        ended = hang_up(app, hand, call)
        sent = [packet for packet in wire.packets() if packet.source in (port, port + 1)]
        heard = wire.rtp(source=port)
    check_hears(THEIRS, read_wav(record)[0][:, 0])
    check_hears_not(FALSE, read_wav(record)[0][:, 0])
    check_continuous(heard)
    moved = [packet.destination for packet in heard].index(place)
    assert {packet.destination for packet in heard[moved:]} == {place}
    check_hears(OURS[moved * 160 :], decoded(heard[moved:]))
    assert not strangers & {packet.destination for packet in sent}
    assert quality(ended)["strangers"] >= COUNT


def test_a_peer_begins_again_in_mid_call(
    engine: Engine, app: PlainClient, tmp_path: Path, song: Fields
) -> None:
    """Another SSRC, sequence number and time stamp: all is heard but one packet (RFC 3550, A.1)."""
    record, half = tmp_path / "record.wav", int(SECONDS / 2 * RATE)
    with Capture() as wire, Hand() as hand:
        call, port = take(app, engine, hand, song, record)
        with Speaker(hand.rtp, port, THEIRS[:half], ssrc=1, number=65500, stamp=2**32 - 800):
            pass
        with Speaker(hand.rtp, port, THEIRS[half:], ssrc=2, number=9, stamp=77):
            pass
        app.watch(0.1)
        ended = hang_up(app, hand, call)
        sent = wire.rtp(source=port)
    heard = read_wav(record)[0][:, 0]
    check_hears(THEIRS, heard, 0.9)
    check_hears(THEIRS[half - int(0.2 * RATE) :], heard, 0.9)
    check_continuous(sent)
    assert quality(ended)["packets_received"] == COUNT - 1
    assert quality(ended)["packets_lost"] == quality(ended)["strangers"] == 0
