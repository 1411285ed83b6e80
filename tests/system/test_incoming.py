"""Calls that we take: SCENARIOS 3, 4, 5, 7 and 9, and OPTIONS, against SIPp and by hand."""

from pathlib import Path

import pytest

from tests.peers.calls import BUILT, EXTENSIONS, TONE, listed
from tests.peers.capture import Capture, SipSeen, check_continuous
from tests.peers.engine import Engine
from tests.peers.hand import Hand
from tests.peers.plain_client import PlainClient, RefusedError
from tests.peers.ports import bound_ports
from tests.peers.processes import eventually
from tests.peers.sipp import Sipp

pytestmark = [pytest.mark.peer("sipp", "capture"), pytest.mark.timeout(120)]


@pytest.fixture
def owner(app: PlainClient) -> PlainClient:
    """Return a client that owns all incoming calls."""
    app.request("subscribe", user="*")
    return app


def responses(messages: list[SipSeen], cseq: str) -> list[SipSeen]:
    return [seen for seen in messages if seen.status and seen.header("CSeq").endswith(cseq)]


def test_answered_after_pondering(engine: Engine, owner: PlainClient, tmp_path: Path) -> None:
    """The first common codec, the same number for events, and the video refused in its place."""
    with (
        Capture() as wire,
        Sipp(tmp_path, "calls_with_video", remote=engine.sip, hold_ms=800) as peer,
    ):
        call = owner.incoming()
        owner.request("ring", call=call)
        owner.watch(1.0)
        owner.request("answer", call=call, play=TONE)
        answered = owner.wait_event("answered", call=call)
        assert owner.wait_event("ended", call=call)["by"] == "remote"
        peer.finish().check(1)
        messages = wire.sip(peer.port)
        packets = wire.rtp(destination=peer.media_port)
    trying, ringing, ok = responses(messages, "INVITE")[:3]
    assert [trying.status, ringing.status, ok.status] == [100, 180, 200]
    assert ";tag=" in ringing.header("To")
    assert ringing.header("To") == ok.header("To")
    assert listed(ok.header("Allow")) == BUILT
    media = [line.split() for line in ok.body.splitlines() if line.startswith("m=")]
    assert [line[0] for line in media] == ["m=audio", "m=video"]
    assert media[0][3:] == ["8", "97"]
    assert media[1][1] == "0"
    assert answered["codec"] == "PCMA"
    assert {packet.payload_type for packet in packets} == {8}
    check_continuous(packets)


def test_we_hang_up(engine: Engine, owner: PlainClient, tmp_path: Path) -> None:
    with Capture() as wire, Sipp(tmp_path, "calls_and_is_hung_up", remote=engine.sip) as peer:
        call = owner.incoming()
        owner.request("answer", call=call, play=TONE)
        owner.wait_event("answered", call=call)
        owner.watch(0.5)
        owner.request("hang_up", call=call)
        ended = owner.wait_event("ended", call=call)
        owner.watch(0.3)
        peer.finish().check(1)
        bye = next(seen for seen in wire.sip(peer.port) if seen.method == "BYE")
        packets = wire.rtp(destination=peer.media_port)
    assert (ended["outcome"], ended["by"]) == ("completed", "local")
    assert packets[-1].at < bye.at + 0.15


@pytest.mark.parametrize("status", [486, 603, 404])
def test_refused(engine: Engine, owner: PlainClient, tmp_path: Path, status: int) -> None:
    before = rtp_ports(engine)
    with Sipp(tmp_path, "is_refused", remote=engine.sip, status=status) as peer:
        call = owner.incoming()
        owner.request("reject", call=call, status=status)
        ended = owner.wait_event("ended", call=call)
        peer.finish().check(1)
    assert (ended["status"], ended["by"]) == (status, "local")
    eventually("no more RTP ports than before", lambda: rtp_ports(engine) <= before)


def rtp_ports(engine: Engine) -> set[int]:
    return {port for port in bound_ports("udp") if 0 <= port - engine.rtp_first < 2000}


def test_redirected(engine: Engine, owner: PlainClient, tmp_path: Path) -> None:
    with (
        Capture() as wire,
        Sipp(tmp_path, "is_refused", remote=engine.sip, status=302) as peer,
    ):
        call = owner.incoming()
        owner.request("redirect", call=call, contacts=["sip:carol@127.0.0.1:5999"])
        assert owner.wait_event("ended", call=call)["outcome"] == "redirected"
        peer.finish().check(1)
        moved = next(seen for seen in wire.sip(peer.port) if seen.status == 302)
    assert moved.header("Contact") == "<sip:carol@127.0.0.1:5999>"


def test_nobody_who_wants_it(engine: Engine, app: PlainClient, tmp_path: Path) -> None:
    app.request("unsubscribe")
    with Sipp(tmp_path, "is_refused", remote=engine.sip, status=480) as peer:
        peer.finish().check(1)


def test_the_caller_gives_up(engine: Engine, owner: PlainClient, tmp_path: Path) -> None:
    with Sipp(tmp_path, "cancels", remote=engine.sip, hold_ms=200) as peer:
        call = owner.incoming()
        owner.request("ring", call=call)
        assert owner.wait_event("ended", call=call)["outcome"] == "cancelled"
        with pytest.raises(RefusedError) as refused:
            owner.request("answer", call=call)
        assert refused.value.code in ("wrong_state", "not_found")
        peer.finish().check(1)


def test_the_200_is_repeated_until_the_ack(engine: Engine, owner: PlainClient) -> None:
    with Hand() as hand:
        hand.invite(engine.sip_port)
        call = owner.incoming()
        owner.request("answer", call=call)
        first, again = hand.expect(200), hand.expect(200)
        assert first.text == again.text
        hand.request("ACK")
        owner.wait_event("answered", call=call)
        hand.request("BYE")
        hand.expect(200)
        owner.wait_event("ended", call=call)


def test_a_repeated_invite_does_not_ring_twice(engine: Engine, owner: PlainClient) -> None:
    with Hand() as hand:
        hand.invite(engine.sip_port)
        call = owner.incoming()
        hand.request("INVITE", body=hand.sdp(), branch=hand.invite_branch, cseq=1)
        owner.request("reject", call=call, status=486)
        hand.expect(486)
        hand.request("ACK", branch=hand.invite_branch)
        owner.wait_event("ended", call=call)
        assert not [event for event in owner.events if event["verb"] == "incoming_call"]


def test_options_lists_what_is_built(engine: Engine, tmp_path: Path) -> None:
    with Capture() as wire, Sipp(tmp_path, "asks_options", remote=engine.sip) as peer:
        peer.finish().check(1)
        ok = next(seen for seen in wire.sip(peer.port) if seen.status == 200)
    assert listed(ok.header("Allow")) == BUILT
    bodies = {"application/sdp", "multipart/mixed", "message/sipfrag"}
    digits = {"application/dtmf", "application/dtmf-relay"}
    assert listed(ok.header("Accept")) == bodies | digits
    assert listed(ok.header("Supported")) == EXTENSIONS


@pytest.mark.parametrize(
    ("method", "status"), [("SUBSCRIBE", 405), ("PUBLISH", 405), ("REGISTER", 405), ("SING", 501)]
)
def test_what_is_not_built_is_refused(engine: Engine, method: str, status: int) -> None:
    with Hand() as hand:
        hand.engine = ("127.0.0.1", engine.sip_port)
        hand.target = f"sip:service@127.0.0.1:{engine.sip_port}"
        hand.request(method)
        refusal = hand.receive()
    assert refusal.status == status
    if status == 405:
        assert listed(refusal.header("Allow")) == BUILT


def test_a_reinvite_is_answered_without_a_break(engine: Engine, owner: PlainClient) -> None:
    """Same o= line but for its version; media goes on with the same SSRC and numbers."""
    with Capture() as wire, Hand() as hand:
        hand.invite(engine.sip_port)
        call = owner.incoming()
        owner.request("answer", call=call, play=TONE)
        first = hand.expect(200)
        hand.request("ACK")
        owner.wait_event("answered", call=call)
        owner.watch(0.4)
        hand.request("INVITE", body=hand.sdp(version=2, direction="recvonly"))
        second = hand.expect(200)
        hand.request("ACK")
        owner.watch(0.4)
        hand.request("BYE")
        hand.expect(200)
        owner.wait_event("ended", call=call)
        packets = wire.rtp(destination=hand.media_port)
    assert "a=sendonly" in second.body
    origins = [seen.body.splitlines()[1].split() for seen in (first, second)]
    assert origins[0][1] == origins[1][1]
    assert int(origins[1][2]) == int(origins[0][2]) + 1
    check_continuous(packets)
