"""Calls that we place: SCENARIOS 1, 2, 3, 5, 6, 8 and 9, against SIPp and by hand."""

import hashlib
import re
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from tests.peers.calls import BUILT, EXTENSIONS, TONE, listed
from tests.peers.capture import Capture, RtpSeen, SipSeen, check_continuous
from tests.peers.engine import Engine
from tests.peers.hand import Hand
from tests.peers.plain_client import PlainClient
from tests.peers.processes import eventually
from tests.peers.sipp import Sipp

pytestmark = [pytest.mark.peer("sipp", "capture"), pytest.mark.timeout(120)]


def sent(messages: list[SipSeen], peer_port: int, what: str | int) -> list[SipSeen]:
    """The messages to the peer with this method, or from it with this status."""
    return [
        seen
        for seen in messages
        if what in (seen.method, seen.status)
        and peer_port == (seen.destination if isinstance(what, str) else seen.source)
    ]


def rtp_from(wire: Capture, answered: dict[str, object]) -> list[RtpSeen]:
    return wire.rtp(source=int(str(answered["local_media"]).rpartition(":")[2]))


def test_a_basic_call(engine: Engine, app: PlainClient, tmp_path: Path) -> None:
    with (
        Capture() as wire,
        Sipp(tmp_path, "answers_and_is_hung_up", extra=["-rtp_echo"]) as peer,
    ):
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", play=TONE)
        assert app.wait_event("progress", call=call)["status"] in (100, 180)
        answered = app.wait_event("answered", call=call)
        eventually("1.5 seconds of RTP", lambda: len(rtp_from(wire, answered)) > 75)
        app.request("hang_up", call=call)
        ended = app.wait_event("ended", call=call)
        app.watch(0.3)
        peer.finish().check(1)
        messages = wire.sip(peer.port)
        packets = rtp_from(wire, answered)
        echoed = wire.rtp(source=peer.media_port)
    assert (ended["outcome"], ended["by"]) == ("completed", "local")
    check_invite(sent(messages, peer.port, "INVITE")[0])
    check_route(messages, peer)
    check_pace(packets)
    assert len(echoed) > 60
    ack, bye_ok = sent(messages, peer.port, "ACK")[0], messages[-1]
    assert packets[0].at - ack.at < 0.15
    assert packets[-1].at < bye_ok.at + 0.1
    assert quality(ended)["packets_received"] > 60


def quality(ended: dict[str, object]) -> dict[str, float]:
    return cast("dict[str, float]", ended["quality"])


def check_invite(invite: SipSeen) -> None:
    """What is listed is what is built, no more and no less."""
    assert listed(invite.header("Allow")) == BUILT
    assert listed(invite.header("Supported")) == EXTENSIONS
    media = [line for line in invite.body.splitlines() if line.startswith("m=")]
    assert len(media) == 1
    assert media[0].split()[3:] == ["0", "8", "9", "101"]
    assert "a=rtpmap:101 telephone-event/8000" in invite.body


def check_route(messages: list[SipSeen], peer: Sipp) -> None:
    """ACK and BYE go to the Contact by way of the recorded route (RFC 3261, 12.2.1.1)."""
    for method in ("ACK", "BYE"):
        request = sent(messages, peer.port, method)[0]
        assert request.start_line.split()[1].startswith(f"sip:answerer@127.0.0.1:{peer.port}")
        assert request.header("Route") == f"<sip:127.0.0.1:{peer.port};transport=UDP;lr>"


def check_pace(packets: list[RtpSeen]) -> None:
    """Sequence +1, time stamp +160, one SSRC, 20 ms apart."""
    check_continuous(packets)
    assert {packet.payload_type for packet in packets} == {0}
    assert {len(packet.payload) for packet in packets} == {160}
    gaps = np.diff([packet.at for packet in packets])
    assert 0.018 < float(np.median(gaps)) < 0.022
    assert float(gaps.max()) < 0.1


# ------------------------------------------------------------------------- 2: digest (RFC 7616)

HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


def challenge(algorithm: str, nonce: str) -> str:
    return f'Digest realm="offhook test", qop="auth", algorithm={algorithm}, nonce="{nonce}"'


def check_digest(header: str, *, algorithm: str, nonce: str, password: str) -> None:
    """Compute the response independently."""
    fields = {key: quoted or bare for key, quoted, bare in PARAMETER.findall(header)}
    assert fields["algorithm"] == algorithm
    assert fields["nonce"] == nonce

    def digest(text: str) -> str:
        return hashlib.new(HASHES[algorithm], text.encode()).hexdigest()

    secret = digest(f"alice:offhook test:{password}")
    subject = digest(f"INVITE:{fields['uri']}")
    middle = f"{nonce}:{fields['nc']}:{fields['cnonce']}:{fields['qop']}"
    assert fields["response"] == digest(f"{secret}:{middle}:{subject}")


PARAMETER = re.compile(r'(\w+)=(?:"([^"]*)"|([^",\s]+))')


@pytest.mark.parametrize(
    ("status", "offered", "chosen"),
    [
        (401, ["MD5"], "MD5"),
        (407, ["SHA-256"], "SHA-256"),
        (401, ["SHA-512-256"], "SHA-512-256"),
        (401, ["MD5", "SHA-256"], "SHA-256"),
        (407, ["SHA-512-256", "MD5"], "SHA-512-256"),
    ],
    ids=str,
)
def test_the_strongest_challenge_is_answered(
    app: PlainClient, tmp_path: Path, status: int, offered: list[str], chosen: str
) -> None:
    header = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    keys = [f"{header}: {challenge(name, f'nonce{n}')}" for n, name in enumerate(offered)]
    keys.append("X-No-More: 1")
    with (
        Capture() as wire,
        Sipp(
            tmp_path,
            "challenges",
            status=status,
            keys={"challenge": keys[0], "second": keys[1]},
        ) as peer,
    ):
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", user="alice", password="secret")
        app.wait_event("answered", call=call)
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        peer.finish().check(1)
        first, second = sent(wire.sip(peer.port), peer.port, "INVITE")
    assert first.header("Call-ID") == second.header("Call-ID")
    assert first.header("From") == second.header("From")
    assert int(second.header("CSeq").split()[0]) == int(first.header("CSeq").split()[0]) + 1
    answer = second.header("Authorization" if status == 401 else "Proxy-Authorization")
    nonce = f"nonce{offered.index(chosen)}"
    check_digest(answer, algorithm=chosen, nonce=nonce, password="secret")


def test_a_wrong_password_ends_the_call(app: PlainClient, tmp_path: Path) -> None:
    keys = {"challenge": f"WWW-Authenticate: {challenge('MD5', 'one')}", "second": "X-No: 1"}
    with Sipp(tmp_path, "challenges_forever", status=401, keys=keys) as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", user="alice", password="wrong")
        ended = app.wait_event("ended", call=call)
        peer.finish().check(1)
    assert (ended["outcome"], ended["status"]) == ("rejected", 401)


# ---------------------------------------------------------------------------------- 3: loss


def test_a_lost_invite_is_sent_again(app: PlainClient) -> None:
    with Hand() as hand:
        call = app.dial(f"sip:bob@127.0.0.1:{hand.port}")
        first, again = hand.expect("INVITE"), hand.expect("INVITE")
        assert first.text == again.text
        hand.respond(again, 486)
        hand.expect("ACK")
        assert app.wait_event("ended", call=call)["outcome"] == "busy"


def test_each_copy_of_the_200_is_acknowledged(app: PlainClient) -> None:
    with Hand() as hand:
        call = app.dial(f"sip:bob@127.0.0.1:{hand.port}")
        invite = hand.expect("INVITE")
        for _ in range(3):
            hand.respond(invite, 200, body=hand.sdp())
            ack = hand.expect("ACK")
            assert ack.header("CSeq").split()[0] == invite.header("CSeq").split()[0]
        app.wait_event("answered", call=call)
        app.request("hang_up", call=call)
        hand.respond(hand.expect("BYE"), 200)
        app.wait_event("ended", call=call)
        assert not [event for event in app.events if event["verb"] == "answered"]


# ----------------------------------------------------------------- 5, as caller: how it may end


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (486, "busy"),
        (600, "busy"),
        (603, "rejected"),
        (404, "rejected"),
        (480, "no_answer"),
        (408, "no_answer"),
        (488, "media_not_acceptable"),
    ],
)
def test_a_refusal_has_a_typed_outcome(
    app: PlainClient, tmp_path: Path, status: int, outcome: str
) -> None:
    with Sipp(tmp_path, "refuses", status=status, keys={"extra": "X-No: 1"}) as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}")
        ended = app.wait_event("ended", call=call)
        peer.finish().check(1)
    assert (ended["outcome"], ended["status"]) == (outcome, status)


def test_a_redirection_is_followed(app: PlainClient, tmp_path: Path) -> None:
    with Sipp(tmp_path, "answers_and_is_hung_up") as second:
        contact = f"Contact: <sip:carol@127.0.0.1:{second.port}>"
        with Sipp(tmp_path, "refuses", status=302, keys={"extra": contact}) as first:
            call = app.dial(f"sip:bob@127.0.0.1:{first.port}")
            app.wait_event("answered", call=call)
            app.request("hang_up", call=call)
            app.wait_event("ended", call=call)
            first.finish().check(1)
        outcome = second.finish()
    outcome.check(1)
    assert f"INVITE sip:carol@127.0.0.1:{second.port}" in outcome.messages


# ------------------------------------------------------------------------- 6 and 8: CANCEL


def check_cancel(messages: list[SipSeen], peer_port: int) -> SipSeen:
    """CANCEL has the branch, the number and the parties of the INVITE (RFC 3261, 9.1)."""
    invite = sent(messages, peer_port, "INVITE")[0]
    cancel = sent(messages, peer_port, "CANCEL")[0]
    for name in ("Via", "From", "To", "Call-ID"):
        assert cancel.header(name) == invite.header(name), name
    assert cancel.header("CSeq").split()[0] == invite.header("CSeq").split()[0]
    assert cancel.start_line.split()[1] == invite.start_line.split()[1]
    return cancel


def test_cancel_while_it_rings(app: PlainClient, tmp_path: Path) -> None:
    with Capture() as wire, Sipp(tmp_path, "is_cancelled") as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}")
        app.wait_event("progress", call=call)
        app.request("hang_up", call=call)
        assert app.wait_event("ended", call=call)["outcome"] == "cancelled"
        peer.finish().check(1)
        check_cancel(wire.sip(peer.port), peer.port)


def test_cancel_waits_for_the_first_provisional_response(app: PlainClient, tmp_path: Path) -> None:
    with Capture() as wire, Sipp(tmp_path, "is_cancelled", hold_ms=700) as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}")
        eventually("the INVITE is on the wire", lambda: wire.sip(peer.port))
        app.request("hang_up", call=call)
        assert app.wait_event("ended", call=call)["outcome"] == "cancelled"
        peer.finish().check(1)
        messages = wire.sip(peer.port)
    assert check_cancel(messages, peer.port).at > sent(messages, peer.port, 180)[0].at


def test_a_200_that_crosses_the_cancel_is_ended(app: PlainClient, tmp_path: Path) -> None:
    with Sipp(tmp_path, "answers_while_cancelled") as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}")
        app.wait_event("progress", call=call)
        app.request("hang_up", call=call)
        assert app.wait_event("ended", call=call)["outcome"] == "cancelled"
        peer.finish().check(1)


def test_a_call_that_nobody_answers_is_cancelled_in_time(app: PlainClient, tmp_path: Path) -> None:
    with Capture() as wire, Sipp(tmp_path, "is_cancelled") as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", ring_timeout=2.0)
        assert app.wait_event("ended", call=call)["outcome"] == "no_answer"
        peer.finish().check(1)
        messages = wire.sip(peer.port)
    rang = check_cancel(messages, peer.port).at - sent(messages, peer.port, "INVITE")[0].at
    assert 1.9 < rang < 3.0


# ---------------------------------------------------------------------------- 9: hanging up


def test_the_peer_hangs_up(app: PlainClient, tmp_path: Path) -> None:
    with Capture() as wire, Sipp(tmp_path, "answers_and_hangs_up", hold_ms=600) as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", play=TONE)
        answered = app.wait_event("answered", call=call)
        ended = app.wait_event("ended", call=call)
        app.watch(0.3)
        peer.finish().check(1)
        bye = next(seen for seen in wire.sip(peer.port) if seen.method == "BYE")
        packets = rtp_from(wire, answered)
    assert (ended["outcome"], ended["by"]) == ("completed", "remote")
    assert packets[-1].at < bye.at + 0.15


def test_both_hang_up_at_once(app: PlainClient) -> None:
    with Hand() as hand:
        call = app.dial(f"sip:bob@127.0.0.1:{hand.port}")
        hand.respond(hand.expect("INVITE"), 200, body=hand.sdp())
        hand.expect("ACK")
        app.wait_event("answered", call=call)
        app.request("hang_up", call=call)
        theirs = hand.expect("BYE")
        hand.request("BYE")
        assert hand.receive().status in (200, 481)
        hand.respond(theirs, 200)
        assert app.wait_event("ended", call=call)["outcome"] == "completed"


def test_a_bye_to_a_dead_peer_still_ends_the_call(tmp_path: Path) -> None:
    """Timer F, with T1 a tenth of its usual length."""
    with Engine(tmp_path, settings={"sip.t1": 0.05}) as engine, Hand() as hand:
        engine.wait_up()
        with engine.client() as app:
            call = app.dial(f"sip:bob@127.0.0.1:{hand.port}")
            hand.respond(hand.expect("INVITE"), 200, body=hand.sdp())
            hand.expect("ACK")
            app.wait_event("answered", call=call)
            app.request("hang_up", call=call)
            hand.expect("BYE")
            assert app.wait_event("ended", call=call, seconds=15.0)["outcome"] == "completed"
            assert app.request("list_calls")["calls"] == []
        engine.stop_cleanly()


def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    """Timer B, with T1 a tenth of its usual length."""
    with Engine(tmp_path, settings={"sip.t1": 0.05}) as engine, Hand() as silent:
        engine.wait_up()
        with engine.client() as app:
            call = app.dial(f"sip:bob@127.0.0.1:{silent.port}")
            ended = app.wait_event("ended", call=call, seconds=15.0)
            assert ended["outcome"] == "unreachable"
        engine.stop_cleanly()
