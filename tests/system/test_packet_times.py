"""Packets of 10 to 60 ms, both ways: we send as the peer likes it, and hear it as it sends."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.peers.baresip import Baresip
from tests.peers.calls import hang_up
from tests.peers.capture import Capture, RtpSeen, SipSeen, check_continuous
from tests.peers.engine import Engine
from tests.peers.hand import Hand
from tests.peers.hearing import check_hears, decoded, hears
from tests.peers.plain_client import Fields, PlainClient
from tests.peers.sipp import Sipp
from tests.peers.speaking import Speaker
from tools.sound import RATE, read_wav, tune, write_wav

pytestmark = [pytest.mark.peer("capture"), pytest.mark.timeout(60)]

TIMES = (10, 20, 30, 40, 60)
Wishes = list[tuple[int, str]]
PLAIN: Wishes = [(time, "PCMU") for time in TIMES]
OTHERS: Wishes = [
    (30, "G722"),
    (60, "G722"),
    (10, "opus"),
    (40, "opus"),
    (60, "opus"),
    (20, "L16/16000"),
]
BYTES = {"PCMU": 8, "G722": 8, "L16/16000": 32}
UNITS = {"opus": 48, "L16/16000": 16}
"""A millisecond; of RTP timestamps, 8 of others."""
LIKE = {"opus": 0.9}
"""What remains of the correlation, 0.97 of others: its samples lie between ours."""
SECONDS = 2.0
OURS, THEIRS = tune(SECONDS, 1), tune(SECONDS, 2)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Return an engine that takes all of these codecs."""
    settings = {"media.codecs": "PCMU,G722,opus,L16"}
    with Engine(tmp_path_factory.mktemp("engine"), settings=settings) as running:
        running.wait_up()
        yield running
        running.stop_cleanly()


@pytest.fixture
def song(tmp_path: Path) -> Fields:
    return {"source": "wave", "path": str(write_wav(tmp_path / "ours.wav", OURS))}


def rtp_of(wire: Capture, answered: Fields, name: str) -> list[RtpSeen]:
    return wire.rtp(source=int(str(answered[name]).rpartition(":")[2]))


def check_packets(packets: list[RtpSeen], milliseconds: int, codec: str = "PCMU") -> None:
    """Assert that each is so long, and that none is missing."""
    if codec in BYTES:
        assert {len(packet.payload) for packet in packets} == {milliseconds * BYTES[codec]}
    check_continuous(packets, step=milliseconds * UNITS.get(codec, 8))
    lasted = packets[-1].at - packets[0].at
    assert lasted == pytest.approx(milliseconds / 1000 * (len(packets) - 1), abs=0.1)


def said_time(messages: list[SipSeen], source: int) -> set[str]:
    """Return what somebody's descriptions ask for."""
    lines = [line for seen in messages if seen.source == source for line in seen.body.splitlines()]
    return {line.removeprefix("a=ptime:") for line in lines if line.startswith("a=ptime:")}


def finish(app: PlainClient, calls: Sequence[str]) -> dict[str, Fields]:
    """Return the ``answered`` events when each has played its song; the calls are over then."""
    answered = {call: app.wait_event("answered", call=call) for call in calls}
    for call in calls:
        app.wait_event("play_finished", call=call)
    app.watch(0.3)
    for call in calls:
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
    return answered


@pytest.mark.peer("baresip")
@pytest.mark.parametrize("wishes", [PLAIN, OTHERS], ids=["PCMU", "others"])
def test_a_telephone_calls(
    engine: Engine, app: PlainClient, tmp_path: Path, song: Fields, wishes: Wishes
) -> None:
    """Both send what it likes."""
    app.request("subscribe", user="*")
    with Capture() as wire, ExitStack() as stack:
        calls = dict[str, tuple[int, str, Baresip, Path]]()
        for time, codec in wishes:
            folder = tmp_path / f"{time}-{codec.partition('/')[0]}"
            phone = Baresip(folder, says=THEIRS, packet_time=time, codec=codec)
            stack.enter_context(phone).dial(f"sip:service@{engine.sip}")
            call, record = app.incoming(), folder / "record.wav"
            app.request("answer", call=call, play=song, record=str(record), codecs=[codec])
            calls[call] = time, codec, phone, record
        for call, answered in finish(app, list(calls)).items():
            time, codec, phone, record = calls[call]
            phone.wait_over()
            said = wire.sip(phone.port)
            assert said_time(said, engine.sip_port) == said_time(said, phone.port) == {f"{time}"}
            check_packets(rtp_of(wire, answered, "local_media"), time, codec)
            check_packets(rtp_of(wire, answered, "remote_media"), time, codec)
            samples, rate = read_wav(record)
            for song_of, ear in ((OURS, phone.heard()), (THEIRS, samples[:: rate // RATE, 0])):
                heard = hears(song_of, ear)
                assert heard.correlation > LIKE.get(codec, 0.97), f"{time} {codec}: {heard}"
                assert heard.whole >= 0.8, f"{time} {codec}: {heard}"


@pytest.mark.peer("sipp")
def test_packets_that_come_back(app: PlainClient, tmp_path: Path, song: Fields) -> None:
    """SIPp sends back what it got: we hear our own song in packets of each time."""
    with Capture() as wire, ExitStack() as stack:
        peers = {
            time: stack.enter_context(
                Sipp(tmp_path, "likes_packets", keys={"time": time}, extra=["-rtp_echo"])
            )
            for time in TIMES
        }
        calls = {
            app.dial(
                f"sip:bob@127.0.0.1:{peer.port}", play=song, record=str(tmp_path / f"{time}.wav")
            ): time
            for time, peer in peers.items()
        }
        for call, answered in finish(app, list(calls)).items():
            time = calls[call]
            peers[time].finish().check(1)
            check_packets(rtp_of(wire, answered, "local_media"), time)
            check_hears(OURS, read_wav(tmp_path / f"{time}.wav")[0][:, 1])


PATTERNS = [(10,), (30,), (60,), (10, 60, 20, 40, 30)]


def test_a_peer_sends_as_it_likes(
    engine: Engine, app: PlainClient, tmp_path: Path, song: Fields
) -> None:
    """It says nothing of packet times, and sends other ones than we do, or all at once."""
    app.request("subscribe", user="*")
    with Capture() as wire, ExitStack() as stack:
        calls = dict[str, tuple[Hand, Path]]()
        for number, times in enumerate(PATTERNS):
            hand = stack.enter_context(Hand())
            hand.invite(engine.sip_port)
            call = app.incoming()
            record = tmp_path / f"{number}.wav"
            app.request("answer", call=call, play=song, record=str(record))
            hand.expect(200)
            hand.request("ACK")
            calls[call] = hand, record
            port = int(str(app.wait_event("answered", call=call)["local_media"]).split(":")[1])
            stack.enter_context(Speaker(hand.rtp, port, THEIRS, times=times))
        for call in calls:
            app.wait_event("play_finished", call=call)
        app.watch(0.3)
        for call, (hand, record) in calls.items():
            hang_up(app, hand, call)
            packets = wire.rtp(destination=hand.media_port)
            check_packets(packets, 20)
            check_hears(OURS, decoded(packets))
            check_hears(THEIRS, read_wav(record)[0][:, 0])


WIDE = """\
v=0\r
o=hand 1 1 IN IP4 127.0.0.1\r
s=-\r
c=IN IP4 127.0.0.1\r
t=0 0\r
m=audio {port} RTP/AVP 97\r
a=rtpmap:97 L16/16000\r
a=ptime:60\r
"""


def test_no_packet_is_longer_than_a_frame(engine: Engine, app: PlainClient, song: Fields) -> None:
    """60 ms of L16 at 16 kHz are 1920 bytes: we ask for 40 ms, and send them."""
    app.request("subscribe", user="*")
    with Capture() as wire, Hand() as hand:
        hand.invite(engine.sip_port, body=WIDE.format(port=hand.media_port))
        call = app.incoming()
        app.request("answer", call=call, play=song)
        assert "a=ptime:40\r\n" in hand.expect(200).body
        hand.request("ACK")
        app.wait_event("answered", call=call)
        app.watch(0.3)
        hang_up(app, hand, call)
        check_packets(wire.rtp(destination=hand.media_port), 40, "L16/16000")
