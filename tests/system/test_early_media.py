"""Before the answer: SCENARIOS 23 and 25, early media both ways and reliable ringing."""

from pathlib import Path

import pytest

from tests.peers.calls import TONE
from tests.peers.capture import Capture
from tests.peers.engine import Engine
from tests.peers.hand import media_port
from tests.peers.hearing import check_hears, decoded
from tests.peers.linphone import Linphone
from tests.peers.plain_client import Fields, PlainClient
from tests.peers.ports import free_port
from tests.peers.processes import eventually
from tests.peers.sipp import Sipp
from tools.sound import Samples, read_wav, tune, write_wav

pytestmark = [pytest.mark.peer("sipp", "capture"), pytest.mark.timeout(60)]

OURS, THEIRS = tune(5.0, 4), tune(5.0, 5)


def wave(folder: Path, song: Samples) -> Fields:
    return {"source": "wave", "path": str(write_wav(folder / "ours.wav", song))}


@pytest.mark.parametrize("answer", ["same", "other", "none"])
def test_media_before_the_answer(
    engine: Engine, app: PlainClient, tmp_path: Path, answer: str
) -> None:
    """183 with a description starts the media once; 200 with another moves them, with none not."""
    other = free_port()
    keys = {"other_port": other}
    with (
        Capture() as wire,
        Sipp(
            tmp_path, f"early_media_{answer}", keys=keys, hold_ms=400, extra=["-rtp_echo"]
        ) as peer,
    ):
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", play=TONE)
        progress = app.wait_event("progress", call=call)
        while progress["status"] != 183:
            progress = app.wait_event("progress", call=call)
        assert progress["early_media"]
        answered = app.wait_event("answered", call=call)
        app.watch(0.4)
        app.request("hang_up", call=call)
        ended = app.wait_event("ended", call=call)
        peer.finish().check(1)
        invite = next(seen for seen in wire.sip(peer.port) if seen.method == "INVITE")
        ours = media_port(invite)
        packets = wire.rtp(source=ours)
        ack = next(seen for seen in wire.sip(peer.port) if seen.method == "ACK")
    assert int(str(answered["local_media"]).rpartition(":")[2]) == ours
    assert packets[0].at < ack.at - 0.3
    assert len({packet.ssrc for packet in packets}) == 1
    final = other if answer == "other" else peer.media_port
    assert packets[0].destination == peer.media_port
    assert {packet.destination for packet in packets if packet.at > ack.at + 0.05} == {final}
    assert ended["outcome"] == "completed"


@pytest.mark.peer("linphonec")
def test_the_ringback_of_a_telephone_is_heard(app: PlainClient, tmp_path: Path) -> None:
    """It plays to us while it rings, and our recording has it, and then the talk."""
    record = tmp_path / "record.wav"
    with Linphone(tmp_path / "phone", says=THEIRS, early_media=True) as phone:
        call = app.dial(phone.uri, play=wave(tmp_path, OURS), record=str(record))
        ringing = phone.wait_incoming()
        progress = app.wait_event("progress", call=call)
        while not progress["early_media"]:
            progress = app.wait_event("progress", call=call)
        app.watch(1.8)
        assert not [event for event in app.events if event["verb"] == "answered"]
        phone.accept(ringing)
        app.wait_event("answered", call=call)
        app.watch(0.5)
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        phone.wait_over()
    theirs = read_wav(record)[0][:, 1]
    check_hears(THEIRS, theirs)


@pytest.mark.peer("linphonec")
def test_our_early_media_is_heard(engine: Engine, app: PlainClient, tmp_path: Path) -> None:
    app.request("subscribe", user="*")
    with Capture() as wire, Linphone(tmp_path / "phone", says=THEIRS) as phone:
        phone.type_line(f"call sip:service@{engine.sip} --early-media")
        call = app.incoming()
        app.request("ring", call=call, status=183, play=wave(tmp_path, OURS))
        eventually("it hears us", lambda: phone.seconds_heard() > 1.8)
        app.request("reject", call=call)
        app.wait_event("ended", call=call)
        phone.wait_line("Call 1 with .* (ended|error)")
        ringing = next(seen for seen in wire.sip(engine.sip_port) if seen.status == 183)
        check_hears(OURS, decoded(wire.rtp(source=media_port(ringing))))
        check_hears(OURS, phone.heard())


def test_ringing_that_is_reliable(app: PlainClient, tmp_path: Path) -> None:
    """Each RSeq gets one PRACK; one that comes twice gets no second."""
    with Capture() as wire, Sipp(tmp_path, "rings_reliably") as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", play=TONE, reliable="required")
        app.wait_event("answered", call=call)
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        peer.finish().check(1)
        messages = wire.sip(peer.port)
    invite = next(seen for seen in messages if seen.method == "INVITE")
    assert "100rel" in invite.header("Require")
    assert len([seen for seen in messages if seen.method == "PRACK"]) == 2


@pytest.mark.parametrize("early", [False, True])
def test_a_caller_that_requires_reliable_ringing(
    engine: Engine, app: PlainClient, tmp_path: Path, early: bool
) -> None:
    app.request("subscribe", user="*")
    with Sipp(tmp_path, "calls_reliably", remote=engine.sip, hold_ms=200) as peer:
        call = app.incoming()
        app.request("ring", call=call, play=TONE if early else None)
        app.request("answer", call=call, play=TONE)
        app.wait_event("answered", call=call)
        assert app.wait_event("ended", call=call)["outcome"] == "completed"
        peer.finish().check(1)


def test_what_nobody_knows_is_refused(engine: Engine, app: PlainClient, tmp_path: Path) -> None:
    """420, with the name of it in Unsupported; the application hears nothing."""
    app.request("subscribe", user="*")
    keys = {"option": "timetravel"}
    with Sipp(tmp_path, "calls_requiring", remote=engine.sip, keys=keys) as peer:
        outcome = peer.finish()
    outcome.check(1)
    assert "Unsupported: timetravel" in outcome.messages
    app.watch(0.1)
    assert not app.events
