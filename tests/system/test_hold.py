"""Hold by both sides, against telephones and SIPp: SCENARIOS 11 to 14 and 17."""

from pathlib import Path

import numpy as np
import pytest

from tests.peers.baresip import Baresip
from tests.peers.calls import TONE
from tests.peers.capture import Capture, RtpSeen, SipSeen, check_continuous, longest_gap, steps
from tests.peers.engine import Engine
from tests.peers.hand import media_port
from tests.peers.hearing import check_hears, check_hears_not, decoded
from tests.peers.linphone import Linphone
from tests.peers.plain_client import Fields, PlainClient, RefusedError
from tests.peers.sipp import Sipp
from tools.sound import RATE, Samples, tune, write_wav

pytestmark = [pytest.mark.peer("sipp", "capture"), pytest.mark.timeout(60)]

Phone = Baresip | Linphone
KINDS: dict[str, type[Baresip] | type[Linphone]] = {"baresip": Baresip, "linphonec": Linphone}
PHONES = [
    pytest.param(kind, marks=pytest.mark.peer(program), id=program)
    for program, kind in KINDS.items()
]
OURS, THEIRS, MUSIC = tune(9.0, 1), tune(9.0, 2), tune(4.0, 3)

GAP = 0.06
"""Seconds: no packet is missing between two, and a little for a machine that has other work."""


def wave(folder: Path, name: str, song: Samples) -> Fields:
    return {"source": "wave", "path": str(write_wav(folder / f"{name}.wav", song))}


def say_for(app: PlainClient, wire: Capture, answered: Fields, seconds: float) -> None:
    """Return when we have sent so many seconds more."""
    until = len(rtp_of(wire, answered)) + 50 * seconds
    while len(rtp_of(wire, answered)) < until:
        app.watch(0.1)


def rtp_of(wire: Capture, answered: Fields) -> list[RtpSeen]:
    return wire.rtp(source=int(str(answered["local_media"]).rpartition(":")[2]))


def descriptions(messages: list[SipSeen], sender: int) -> list[SipSeen]:
    """The messages with a description that a port sent, without retransmissions."""
    seen = {m.text: m for m in messages if m.body and m.source == sender}
    return list(seen.values())


def direction(message: SipSeen) -> str:
    found = [name for name in DIRECTIONS if f"a={name}\r\n" in message.body]
    return found[0] if found else "sendrecv"


DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


def origin(message: SipSeen) -> tuple[str, int]:
    """Session id and version of the o= line."""
    line = next(line for line in message.body.splitlines() if line.startswith("o="))
    return line.split()[1], int(line.split()[2])


def check_offers(messages: list[SipSeen]) -> None:
    """One session: same id, version +1 each time, same port."""
    ids, versions = zip(*map(origin, messages), strict=True)
    assert len(set(ids)) == 1
    assert versions == tuple(range(versions[0], versions[0] + len(versions)))
    assert len({media_port(message) for message in messages}) == 1


# ------------------------------------------------------------------------ 11 and 12: we hold


@pytest.mark.parametrize("kind", PHONES)
def test_we_hold_a_telephone(
    engine: Engine, app: PlainClient, tmp_path: Path, kind: type[Baresip] | type[Linphone]
) -> None:
    """It hears our song, the music, and our song from where it was; packets never pause."""
    song, music = wave(tmp_path, "ours", OURS), wave(tmp_path, "music", MUSIC)
    with Capture() as wire, kind(tmp_path / "phone", says=THEIRS) as phone:
        call = app.dial(phone.uri, play=song)
        phone.take()
        answered = app.wait_event("answered", call=call)
        say_for(app, wire, answered, 1.3)
        app.request("hold", call=call, music=music)
        assert held(app, call) == (True, False)
        say_for(app, wire, answered, 1.6)
        app.request("resume", call=call)
        assert held(app, call) == (False, False)
        say_for(app, wire, answered, 1.5)
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        phone.wait_over()
        packets = rtp_of(wire, answered)
        said = descriptions(wire.sip(engine.sip_port), engine.sip_port)
        replies = descriptions(wire.sip(engine.sip_port), phone.port)
    heard = decoded(packets)
    assert [direction(message) for message in said] == ["sendrecv", "sendonly", "sendrecv"]
    assert direction(replies[-2]) in ("recvonly", "inactive")
    check_offers(said)
    check_continuous(packets)
    assert len({packet.destination for packet in packets}) == 1
    assert longest_gap(packets) < GAP
    check_hears(OURS, heard, 0.6)
    check_hears(MUSIC, heard)
    check_hears(OURS[int(1.3 * RATE) :], heard, 0.6)
    check_hears_not(OURS[int(2.9 * RATE) :], heard, 0.6)


def held(app: PlainClient, call: str) -> tuple[bool, bool]:
    """What the next ``hold_changed`` says: do we hold, are we held?"""
    changed = app.wait_event("hold_changed", call=call)
    return bool(changed["local"]), bool(changed["remote"])


def test_ten_holds_leave_one_session(engine: Engine, app: PlainClient, tmp_path: Path) -> None:
    with Capture() as wire, Sipp(tmp_path, "is_held") as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", play=TONE)
        answered = app.wait_event("answered", call=call)
        for _ in range(10):
            app.request("hold", call=call)
            app.request("resume", call=call)
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        peer.finish().check(1)
        packets = rtp_of(wire, answered)
        said = descriptions(wire.sip(peer.port), engine.sip_port)
    assert len(said) == 21
    check_offers(said)
    check_continuous(packets)


# --------------------------------------------------------------------------- 13: we are held


@pytest.mark.parametrize("kind", PHONES)
def test_a_telephone_holds_us(
    engine: Engine, app: PlainClient, tmp_path: Path, kind: type[Baresip] | type[Linphone]
) -> None:
    """We hear of it, answer as one who is held, and it hears us again afterwards."""
    app.request("subscribe", user="*")
    record = tmp_path / "record.wav"
    with Capture() as wire, kind(tmp_path / "phone", says=THEIRS) as phone:
        phone.dial(f"sip:service@{engine.sip}")
        call = app.incoming()
        app.request("answer", call=call, play=wave(tmp_path, "ours", OURS), record=str(record))
        answered = app.wait_event("answered", call=call)
        say_for(app, wire, answered, 1.2)
        phone.hold()
        assert held(app, call) == (False, True)
        app.watch(0.6)
        phone.resume()
        assert held(app, call) == (False, False)
        app.watch(1.5)
        phone.hang_up()
        app.wait_event("ended", call=call)
        packets = rtp_of(wire, answered)
        said = descriptions(wire.sip(engine.sip_port), engine.sip_port)
    heard = decoded(packets)
    assert direction(said[1]) in ("recvonly", "inactive")
    assert direction(said[2]) == "sendrecv"
    check_one_source(packets)
    check_hears(OURS, heard, 0.6)


def check_one_source(packets: list[RtpSeen]) -> None:
    """One SSRC, and no sequence number left out, even if we were silent for a while."""
    assert len({packet.ssrc for packet in packets}) == 1
    assert (steps([packet.sequence for packet in packets], 16) == 1).all()


SPELLINGS = [
    ("sendonly", "127.0.0.1", "recvonly"),
    ("inactive", "127.0.0.1", "inactive"),
    ("sendrecv", "0.0.0.0", "recvonly"),
    ("inactive", "0.0.0.0", "inactive"),
]


@pytest.mark.parametrize(("offered", "address", "answer"), SPELLINGS)
def test_each_spelling_of_a_hold(
    engine: Engine, app: PlainClient, tmp_path: Path, offered: str, address: str, answer: str
) -> None:
    keys = {"direction": offered, "address": address}
    with Capture() as wire, Sipp(tmp_path, "holds_us", keys=keys, hold_ms=300) as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", play=TONE)
        answered = app.wait_event("answered", call=call)
        assert held(app, call) == (False, True)
        assert held(app, call) == (False, False)
        app.watch(0.3)
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        peer.finish().check(1)
        packets = rtp_of(wire, answered)
        said = descriptions(wire.sip(peer.port), engine.sip_port)
    assert [direction(message) for message in said] == ["sendrecv", answer, "sendrecv"]
    check_one_source(packets)


@pytest.mark.parametrize(("direction_of_it", "remote"), [("recvonly", False), ("inactive", True)])
def test_both_hold(app: PlainClient, tmp_path: Path, direction_of_it: str, remote: bool) -> None:
    """We hold it; it answers as one who is held, or as one who holds us at once."""
    with Sipp(tmp_path, "answers_hold_with", keys={"direction": direction_of_it}) as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", play=TONE)
        app.wait_event("answered", call=call)
        app.request("hold", call=call)
        assert held(app, call) == (True, remote)
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        peer.finish().check(1)


@pytest.mark.parametrize(
    ("answer", "address"), [("sendonly", "127.0.0.1"), ("inactive", "127.0.0.1")]
)
def test_a_call_that_is_held_from_the_start(
    app: PlainClient, tmp_path: Path, answer: str, address: str
) -> None:
    with Sipp(tmp_path, "answers_with", keys={"direction": answer, "address": address}) as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", play=TONE)
        app.wait_event("answered", call=call)
        assert held(app, call) == (False, True)
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        peer.finish().check(1)


def test_a_hold_by_update(engine: Engine, app: PlainClient, tmp_path: Path) -> None:
    """SCENARIO 26: UPDATE holds us, refreshes, and takes us back."""
    with Sipp(tmp_path, "holds_us_by_update") as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", play=TONE)
        app.wait_event("answered", call=call)
        assert held(app, call) == (False, True)
        assert held(app, call) == (False, False)
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        peer.finish().check(1)


# ------------------------------------------------------------------------- 14: hold is refused


@pytest.mark.parametrize("status", [488, 500, 603])
def test_a_refused_hold_changes_nothing(app: PlainClient, tmp_path: Path, status: int) -> None:
    music = {"source": "tone", "frequency": 1000.0}
    record = tmp_path / "record.wav"
    with Capture() as wire, Sipp(tmp_path, "refuses_reinvite", status=status) as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", play=TONE, record=str(record))
        answered = app.wait_event("answered", call=call)
        with pytest.raises(RefusedError, match=str(status)) as refused:
            app.request("hold", call=call, music=music)
        assert refused.value.code == "peer_refused"
        app.watch(0.5)
        app.request("hang_up", call=call)
        ended = app.wait_event("ended", call=call)
        peer.finish().check(1)
        packets = rtp_of(wire, answered)
    assert ended["outcome"] == "completed"
    assert not [event for event in app.events if event["verb"] == "hold_changed"]
    check_continuous(packets)
    assert pitch(packets[-20:]) == pytest.approx(440, abs=10)


def pitch(packets: list[RtpSeen]) -> float:
    """The strongest frequency of G.711 audio, Hz: the sign bit of each byte tells enough."""
    signs = np.frombuffer(b"".join(packet.payload for packet in packets), np.uint8) & 0x80
    wave_form = np.where(signs, 1.0, -1.0)
    spectrum = np.abs(np.fft.rfft(wave_form))
    return float(np.argmax(spectrum) * RATE / len(wave_form))


@pytest.mark.parametrize("status", [408, 481])
def test_a_hold_that_finds_no_dialog_ends_the_call(
    app: PlainClient, tmp_path: Path, status: int
) -> None:
    """RFC 3261, 12.2.1.2."""
    with Sipp(tmp_path, "refuses_reinvite", status=status) as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", play=TONE)
        app.wait_event("answered", call=call)
        with pytest.raises(RefusedError):
            app.request("hold", call=call)
        app.wait_event("ended", call=call)
        peer.finish().check(1)


def test_a_challenged_hold(app: PlainClient, tmp_path: Path) -> None:
    challenge = 'WWW-Authenticate: Digest realm="sipp", nonce="abc", qop="auth", algorithm=MD5'
    with Sipp(tmp_path, "challenges_reinvite", keys={"challenge": challenge}) as peer:
        call = app.dial(
            f"sip:bob@127.0.0.1:{peer.port}", play=TONE, user="alice", password="secret"
        )
        app.wait_event("answered", call=call)
        app.request("hold", call=call)
        assert held(app, call) == (True, False)
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        peer.finish().check(1)


@pytest.mark.parametrize(("scenario", "least"), [("glares", 2.1), ("postpones_reinvite", 1.0)])
def test_a_hold_is_tried_again(
    app: PlainClient, tmp_path: Path, scenario: str, least: float
) -> None:
    """491: after 2.1 to 4 seconds, since the Call-ID is ours; 500 with Retry-After: then."""
    with Capture() as wire, Sipp(tmp_path, scenario) as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", play=TONE)
        app.wait_event("answered", call=call)
        app.request("hold", call=call, seconds=8)
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        peer.finish().check(1)
        invites = [seen for seen in wire.sip(peer.port) if seen.method == "INVITE"]
    waited = invites[2].at - invites[1].at
    assert least - 0.05 <= waited < 4.2
