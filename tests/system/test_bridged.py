"""SCENARIO 36 with telephones: bridges, conferences and what is recorded of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.peers.baresip import Baresip
from tests.peers.calls import hang_up
from tests.peers.capture import Capture, RtpSeen, check_continuous
from tests.peers.engine import Engine
from tests.peers.hand import Hand
from tests.peers.hearing import check_hears, check_hears_not, decoded, hears
from tests.peers.plain_client import Fields, PlainClient
from tests.peers.sipp import Sipp
from tests.peers.speaking import Speaker
from tools.sound import RATE, Samples, listen, read_wav, tune

pytestmark = [pytest.mark.peer("baresip", "capture"), pytest.mark.timeout(60)]

Side = Samples | list[RtpSeen]
"""Of a recording, or on the wire without a gap."""

SECONDS = 1.6
CODECS = ("PCMU", "PCMA", "G722")
SONGS = [tune(SECONDS, seed) for seed in (1, 2, 3)]


def reach(app: PlainClient, phone: Baresip, **fields: object) -> str:
    """Call a telephone, which answers; return the call."""
    call = app.dial(phone.uri, **fields)
    phone.take()
    return call


def sing(app: PlainClient, phones: Sequence[Baresip], *, together: bool) -> None:
    """Let each say its song, all at once or one after the other."""
    for phone, song in zip(phones, SONGS, strict=False):
        phone.say(song)
        app.watch(0.0 if together else SECONDS + 0.3)
    app.watch(SECONDS + 0.3 if together else 0.0)


def port_of(answered: Fields) -> int:
    """Return our RTP port."""
    return int(str(answered["local_media"]).rpartition(":")[2])


def part(app: PlainClient, calls: Sequence[str], phones: Sequence[Baresip]) -> None:
    for call, phone in zip(calls, phones, strict=True):
        app.request("hang_up", call=call)
        phone.wait_over()
        app.wait_event("ended", call=call)


@pytest.mark.parametrize("codecs", [("PCMU", "PCMA"), ("PCMU", "G722")], ids="-".join)
def test_two_telephones_hear_each_other(
    app: PlainClient, tmp_path: Path, codecs: tuple[str, str]
) -> None:
    """Both talk at once; neither hears itself; our packets go on when the bridge goes away."""
    first, second = (
        Baresip(tmp_path / codec, says=np.zeros(RATE, np.int16), codec=codec) for codec in codecs
    )
    with Capture() as wire, first, second:
        calls = [reach(app, first)]
        calls.append(reach(app, second, near=calls[0]))
        answered = [app.wait_event("answered", call=call) for call in calls]
        assert [event["codec"] for event in answered] == list(codecs)
        app.request("bridge", call=calls[0], other=calls[1])
        sing(app, [first, second], together=True)
        app.request("unbridge", call=calls[0])
        first.say(SONGS[2])
        app.watch(SECONDS)
        part(app, calls, [first, second])
        for event in answered:
            check_continuous(wire.rtp(source=port_of(event)))
        ears = [first.heard(), second.heard()]
    for song, ear in ((SONGS[1], ears[0]), (SONGS[0], ears[1])):
        check_hears(song, ear)
        assert abs(hears(song, ear).gain) < 1.0
    check_hears_not(SONGS[0], ears[0])
    check_hears_not(SONGS[1], ears[1])
    check_hears_not(SONGS[2], ears[1])


def test_three_confer(app: PlainClient, tmp_path: Path) -> None:
    """Each hears both others and not itself; of the conference all three are recorded."""
    record = tmp_path / "record.wav"
    phones = [
        Baresip(tmp_path / f"{number}", says=np.zeros(RATE, np.int16), codec=codec)
        for number, codec in enumerate(CODECS)
    ]
    with phones[0], phones[1], phones[2]:
        conference = str(app.request("open_conference")["conference"])
        calls = list[str]()
        for phone, codec in zip(phones, CODECS, strict=True):
            calls.append(reach(app, phone, near=conference))
            assert app.wait_event("answered", call=calls[-1])["codec"] == codec
            app.request("join", conference=conference, call=calls[-1])
        app.request("record_conference", conference=conference, path=str(record))
        sing(app, phones, together=False)
        app.request("record_conference", conference=conference, path="")
        part(app, calls, phones)
        ears = [phone.heard() for phone in phones]
    for number, ear in enumerate(ears):
        for singer, song in enumerate(SONGS):
            (check_hears_not if singer == number else check_hears)(song, ear)
    for song in SONGS:
        check_hears(song, record)


@pytest.mark.peer("sipp")
def test_a_bridge_is_quick_and_its_recording_aligned(
    engine: Engine, app: PlainClient, tmp_path: Path
) -> None:
    """A caller is bridged with SIPp, which sends back what it hears at once.

    So the caller hears itself, as much later as two jitter buffers take; and the one side of what
    is recorded lies behind the other by that of SIPp.  They may be deeper on a busy machine.
    """
    record, song = tmp_path / "record.wav", tune(4.0, 4)
    app.request("subscribe", user="*")
    echo = Sipp(tmp_path, "likes_packets", keys={"time": 20}, extra=["-rtp_echo"])
    with Capture() as wire, Hand() as hand, echo as peer:
        hand.invite(engine.sip_port)
        caller = app.incoming()
        app.request("answer", call=caller, record=str(record))
        hand.expect(200)
        hand.request("ACK")
        port = port_of(app.wait_event("answered", call=caller))
        callee = app.dial(f"sip:bob@127.0.0.1:{peer.port}", near=caller)
        app.wait_event("answered", call=callee)
        app.request("bridge", call=caller, other=callee)
        with Speaker(hand.rtp, port, song):
            pass
        app.watch(0.2)
        hang_up(app, hand, caller)
        app.request("hang_up", call=callee)
        app.wait_event("ended", call=callee)
        peer.finish().check(1)
        said = wire.rtp(source=hand.media_port)
        passed, came = (wire.rtp(destination=p) for p in (peer.media_port, hand.media_port))
    assert 0.0 < min(lags(song, said, passed)) < 0.06
    assert 0.0 < min(lags(song, said, came)) < 0.12
    left, right = read_wav(record)[0].T
    assert 0.0 < min(lags(song, left, right)) < 0.06
    assert max(lags(song, left, right)) < 0.1


def lags(song: Samples, said: Side, came: Side) -> list[float]:
    """Return how many seconds later each second of a song came than it was said."""
    pieces = [song[at : at + RATE] for at in range(RATE // 2, len(song) - RATE, RATE)]
    return [found(piece, came) - found(piece, said) for piece in pieces]


def found(piece: Samples, side: Side) -> float:
    """Return when it was there."""
    heard = listen(piece, side if isinstance(side, np.ndarray) else decoded(side))
    assert heard.correlation > 0.97, heard
    if isinstance(side, np.ndarray):
        return heard.delay
    packet, behind = divmod(heard.delay, 0.02)
    return side[int(packet)].at + behind
