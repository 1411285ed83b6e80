"""Blind transfer in all roles: SCENARIOS 18, 19, 20 and 22, against SIPp and real telephones."""

from pathlib import Path

import pytest

from tests.peers.baresip import Baresip
from tests.peers.calls import TONE
from tests.peers.capture import Capture, SipSeen
from tests.peers.engine import Engine
from tests.peers.hearing import check_hears
from tests.peers.linphone import Linphone
from tests.peers.plain_client import Fields, PlainClient, RefusedError
from tests.peers.processes import eventually
from tests.peers.sipp import Sipp
from tools.sound import read_wav, tune, write_wav

pytestmark = [pytest.mark.peer("sipp", "capture"), pytest.mark.timeout(60)]

OURS, THEIRS = tune(8.0, 11), tune(8.0, 12)
CHALLENGE = 'WWW-Authenticate: Digest realm="sipp", nonce="abc", qop="auth", algorithm=MD5'


def wave(folder: Path) -> Fields:
    return {"source": "wave", "path": str(write_wav(folder / "ours.wav", OURS))}


def call_up(app: PlainClient, peer: Sipp, **more: object) -> str:
    call = str(app.reply(app.post("dial", dial(peer, **more)))["call"])
    app.wait_event("answered", call=call)
    return call


def dial(peer: Sipp, **more: object) -> Fields:
    return {"uri": f"sip:bob@127.0.0.1:{peer.port}", "play": TONE, **more}


def transfer(app: PlainClient, call: str, **more: object) -> Fields:
    """Send the peer to a number; return how it ended."""
    fields: Fields = {"call": call, "uri": "sip:carol@127.0.0.1:9", **more}
    app.reply(app.post("transfer", fields))
    return app.wait_event("transfer_ended", call=call)


def progress(app: PlainClient) -> list[object]:
    """The statuses that the peer has told so far."""
    return [event["status"] for event in app.events if event["verb"] == "transfer_progress"]


def held(app: PlainClient, call: str) -> bool:
    """Whether we hold the peer, as the next event has it."""
    return bool(app.wait_event("hold_changed", call=call)["local"])


# ------------------------------------------------------------------- 18: we transfer, it works


@pytest.mark.parametrize("status", [202, 200])
def test_we_send_a_peer_elsewhere(app: PlainClient, tmp_path: Path, status: int) -> None:
    """Hold first, then REFER; its NOTIFYs are answered; then BYE from us."""
    with Capture() as wire, Sipp(tmp_path, "is_transferred", status=status) as peer:
        call = call_up(app, peer)
        ended = transfer(app, call, headers=[["X-Why", "lunch"]])
        assert (ended["ok"], ended["status"]) == (True, 200)
        assert progress(app) == [100, 180]
        assert app.wait_event("ended", call=call)["outcome"] == "completed"
        peer.finish().check(1)
        messages = wire.sip(peer.port)
    refer = next(seen for seen in messages if seen.method == "REFER")
    assert refer.header("Refer-To") == "<sip:carol@127.0.0.1:9>"
    assert refer.header("Referred-By").startswith("<sip:offhook@127.0.0.1")
    assert refer.header("X-Why") == "lunch"
    check_held_first(messages)


def check_held_first(messages: list[SipSeen]) -> None:
    """The REFER comes behind the ACK of the hold."""
    methods = [seen.method for seen in messages if seen.method]
    first = methods.index("REFER")
    assert methods[:first] == ["INVITE", "ACK", "INVITE", "ACK"]


def test_the_peer_hangs_up_itself(app: PlainClient, tmp_path: Path) -> None:
    with Sipp(tmp_path, "is_transferred_and_hangs_up") as peer:
        call = call_up(app, peer)
        assert transfer(app, call)["ok"]
        app.wait_event("ended", call=call)
        peer.finish().check(1)


def test_a_notify_that_overtakes_the_202(app: PlainClient, tmp_path: Path) -> None:
    with Sipp(tmp_path, "notifies_before_202") as peer:
        call = call_up(app, peer)
        assert transfer(app, call)["ok"]
        assert progress(app) == [100]
        app.wait_event("ended", call=call)
        peer.finish().check(1)


def test_a_challenged_refer(app: PlainClient, tmp_path: Path) -> None:
    with Sipp(tmp_path, "challenges_refer", keys={"challenge": CHALLENGE}) as peer:
        call = call_up(app, peer, user="alice", password="secret")
        assert transfer(app, call)["ok"]
        app.wait_event("ended", call=call)
        peer.finish().check(1)


# -------------------------------------------------------------- 19: we transfer, it does not


def check_taken_back(app: PlainClient, peer: Sipp, call: str) -> None:
    """The call lives and is not held any more."""
    assert held(app, call)
    assert not held(app, call)
    app.request("hang_up", call=call)
    assert app.wait_event("ended", call=call)["outcome"] == "completed"
    peer.finish().check(1)


def test_the_target_is_busy(app: PlainClient, tmp_path: Path) -> None:
    with Sipp(tmp_path, "fails_to_transfer") as peer:
        call = call_up(app, peer)
        ended = transfer(app, call)
        assert (ended["ok"], ended["status"]) == (False, 486)
        check_taken_back(app, peer, call)


@pytest.mark.parametrize("status", [603, 405])
def test_the_refer_is_refused(app: PlainClient, tmp_path: Path, status: int) -> None:
    with Sipp(tmp_path, "declines_refer", status=status) as peer:
        call = call_up(app, peer)
        ended = transfer(app, call)
        assert (ended["ok"], ended["status"]) == (False, status)
        check_taken_back(app, peer, call)


def test_the_peer_has_forgotten_the_call(app: PlainClient, tmp_path: Path) -> None:
    """481 to the REFER and to the end of the hold, which ends the call (RFC 3261, 12.2.1.2)."""
    with Sipp(tmp_path, "has_no_dialog_more") as peer:
        call = call_up(app, peer)
        ended = transfer(app, call)
        assert (ended["ok"], ended["status"]) == (False, 481)
        assert app.wait_event("ended", call=call)["outcome"] == "failed"
        peer.finish().check(1)


def test_the_peer_tells_nothing(app: PlainClient, tmp_path: Path) -> None:
    with Sipp(tmp_path, "never_notifies") as peer:
        call = call_up(app, peer)
        ended = transfer(app, call, timeout=0.5)
        assert (ended["ok"], ended["status"]) == (False, 0)
        check_taken_back(app, peer, call)


def test_we_give_it_up(app: PlainClient, tmp_path: Path) -> None:
    with Sipp(tmp_path, "never_notifies") as peer:
        call = call_up(app, peer)
        app.request("transfer", call=call, uri="sip:carol@127.0.0.1:9")
        assert held(app, call)
        app.watch(0.2)
        app.request("cancel_transfer", call=call)
        assert not app.wait_event("transfer_ended", call=call)["ok"]
        assert not held(app, call)
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        peer.finish().check(1)


def test_a_notify_after_the_end(app: PlainClient, tmp_path: Path) -> None:
    """It is answered 200 or 481, never 405."""
    with Sipp(tmp_path, "notifies_after_bye") as peer:
        call = call_up(app, peer)
        transfer(app, call)
        app.wait_event("ended", call=call)
        peer.finish().check(1)


# -------------------------------------------------------------------- 20: we are transferred


def asked(app: PlainClient, call: str, target: str) -> str:
    """Wait until a peer asks; return the name of it."""
    event = app.wait_event("transfer_asked", call=call)
    assert (event["uri"], event["replaces"]) == (target, False)
    assert "sip:sipp@127.0.0.1" in str(event["referred_by"])
    return str(event["transfer"])


@pytest.mark.parametrize("scenario", ["refers_us", "calls_and_refers_us"])
def test_a_peer_sends_us_elsewhere(
    engine: Engine, app: PlainClient, tmp_path: Path, scenario: str
) -> None:
    app.request("subscribe", user="*")
    with Capture() as wire, Sipp(tmp_path, "answers_and_is_hung_up") as target:
        uri = f"sip:carol@127.0.0.1:{target.port}"
        remote = engine.sip if scenario.startswith("calls") else ""
        with Sipp(tmp_path, scenario, remote=remote, keys={"refer_to": uri}) as peer:
            if remote:
                old = app.incoming()
                app.request("answer", call=old, play=TONE)
                app.wait_event("answered", call=old)
            else:
                old = call_up(app, peer)
            name = asked(app, old, uri)
            new = str(app.request("accept_transfer", transfer=name, play=TONE)["call"])
            app.wait_event("answered", call=new)
            app.wait_event("ended", call=old)
            peer.finish().check(1)
        app.request("hang_up", call=new)
        app.wait_event("ended", call=new)
        target.finish().check(1)
        invite = next(seen for seen in wire.sip(target.port) if seen.method == "INVITE")
        told = [s.body for s in wire.sip(engine.sip_port) if s.method == "NOTIFY"]
    assert "sip:sipp@127.0.0.1" in invite.header("Referred-By")
    assert told[0] == "SIP/2.0 100 Trying\r\n"
    assert told[-1] == "SIP/2.0 200 OK\r\n"


def test_where_it_sends_us_is_busy(engine: Engine, app: PlainClient, tmp_path: Path) -> None:
    """The peer hears of it, and the call with it goes on."""
    with Sipp(tmp_path, "refuses", status=486, keys={"extra": "X-No: 1"}) as target:
        uri = f"sip:carol@127.0.0.1:{target.port}"
        with Sipp(tmp_path, "refers_us_fails", status=486, keys={"refer_to": uri}) as peer:
            old = call_up(app, peer)
            name = asked(app, old, uri)
            new = str(app.request("accept_transfer", transfer=name)["call"])
            assert app.wait_event("ended", call=new)["outcome"] == "busy"
            app.watch(0.2)
            app.request("hang_up", call=old)
            assert app.wait_event("ended", call=old)["outcome"] == "completed"
            peer.finish().check(1)
        target.finish().check(1)


def test_we_do_not_want(app: PlainClient, tmp_path: Path) -> None:
    keys = {"header": "Refer-To: <sip:carol@127.0.0.1:9>"}
    with Sipp(tmp_path, "refers_us_in_vain", status=603, keys=keys) as peer:
        call = call_up(app, peer)
        name = str(app.wait_event("transfer_asked", call=call)["transfer"])
        app.request("decline_transfer", transfer=name)
        app.watch(0.1)
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        peer.finish().check(1)


def test_another_domain_is_not_for_free(app: PlainClient, tmp_path: Path) -> None:
    """Toll fraud: the application must say that it wants that."""
    keys = {"header": "Refer-To: <sip:900@premium.example>"}
    with Sipp(tmp_path, "refers_us_in_vain", status=603, keys=keys) as peer:
        call = call_up(app, peer)
        name = str(app.wait_event("transfer_asked", call=call)["transfer"])
        with pytest.raises(RefusedError, match="forbidden"):
            app.request("accept_transfer", transfer=name)
        app.request("decline_transfer", transfer=name)
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        peer.finish().check(1)


@pytest.mark.parametrize("header", ["X-Nothing: 1", "Refer-To: <http://example.com>"])
def test_a_refer_that_names_nobody(app: PlainClient, tmp_path: Path, header: str) -> None:
    status = 416 if "http" in header else 400
    with Sipp(tmp_path, "refers_us_in_vain", status=status, keys={"header": header}) as peer:
        call = call_up(app, peer)
        app.watch(0.3)
        assert not [event for event in app.events if event["verb"] == "transfer_asked"]
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        peer.finish().check(1)


# ------------------------------------------------------------------------------ 22: Replaces


def tags(wire: Capture, peer: Sipp) -> str:
    """The Replaces of a call that a peer answered: as we, who are to be found, see it."""
    answer = next(seen for seen in wire.sip(peer.port) if seen.status == 200)
    ours = answer.header("From").partition(";tag=")[2]
    theirs = answer.header("To").partition(";tag=")[2]
    return f"{answer.header('Call-ID')};to-tag={ours};from-tag={theirs}"


def test_a_call_takes_the_place_of_another(
    engine: Engine, app: PlainClient, tmp_path: Path
) -> None:
    with Capture() as wire, Sipp(tmp_path, "answers_and_is_hung_up") as old_peer:
        old = call_up(app, old_peer)
        dialog = tags(wire, old_peer)
        with Sipp(
            tmp_path, "replaces_and_hangs_up", remote=engine.sip, keys={"dialog": dialog}
        ) as peer:
            replaced = app.wait_event("replaced", call=old)
            app.wait_event("answered", call=str(replaced["by"]))
            app.wait_event("ended", call=old)
            app.wait_event("ended", call=str(replaced["by"]))
            peer.finish().check(1)
        old_peer.finish().check(1)


@pytest.mark.parametrize(
    ("kind", "status"),
    [("swapped", 481), ("unknown", 481), ("half", 481), ("early", 486), ("malformed", 400)],
)
def test_a_call_that_is_not_there_is_not_replaced(
    engine: Engine, app: PlainClient, tmp_path: Path, kind: str, status: int
) -> None:
    """Call-ID and both tags must fit; ``early-only`` does not fit a call that is up."""
    with Capture() as wire, Sipp(tmp_path, "answers_and_is_hung_up") as old_peer:
        old = call_up(app, old_peer)
        dialog = tags(wire, old_peer)
        call_id, to_tag, from_tag = dialog.split(";")
        swapped = f"{call_id};to-{from_tag[5:]};from-{to_tag[3:]}"
        dialogs = {
            "swapped": swapped,
            "unknown": f"nobody;{to_tag};{from_tag}",
            "half": f"{call_id};{to_tag};from-tag=none",
            "early": f"{dialog};early-only",
            "malformed": f"{call_id};{to_tag}",
        }
        keys = {"dialog": dialogs[kind]}
        with Sipp(
            tmp_path, "replaces_in_vain", remote=engine.sip, status=status, keys=keys
        ) as peer:
            peer.finish().check(1)
        app.request("hang_up", call=old)
        assert app.wait_event("ended", call=old)["outcome"] == "completed"
        old_peer.finish().check(1)


# ------------------------------------------------------------------------- real telephones


@pytest.mark.peer("baresip")
def test_baresip_sends_us_elsewhere(engine: Engine, app: PlainClient, tmp_path: Path) -> None:
    app.request("subscribe", user="*")
    with (
        Baresip(tmp_path / "phone", says=THEIRS) as phone,
        Sipp(tmp_path, "answers_and_is_hung_up", extra=["-rtp_echo"]) as target,
    ):
        phone.dial(f"sip:service@{engine.sip}")
        old = app.incoming()
        app.request("answer", call=old, play=TONE)
        app.wait_event("answered", call=old)
        phone.wait_event("CALL_ESTABLISHED")
        phone.transfer(f"sip:target@127.0.0.1:{target.port}")
        name = str(app.wait_event("transfer_asked", call=old)["transfer"])
        record = tmp_path / "record.wav"
        new = app.request(
            "accept_transfer", transfer=name, play=wave(tmp_path), record=str(record)
        )["call"]
        app.wait_event("answered", call=str(new))
        app.wait_event("ended", call=old)
        phone.wait_event("CALL_CLOSED")
        app.watch(1.8)
        app.request("hang_up", call=new)
        app.wait_event("ended", call=str(new))
        target.finish().check(1)
    check_hears(OURS, read_wav(record)[0][:, 1])


@pytest.mark.peer("baresip", "linphonec")
@pytest.mark.parametrize("transferee", ["baresip", "linphonec"])
def test_we_send_one_telephone_to_another(
    app: PlainClient, tmp_path: Path, transferee: str
) -> None:
    """Afterwards the two hear each other."""
    with (
        Baresip(tmp_path / "baresip", says=OURS) as baresip,
        Linphone(tmp_path / "linphone", says=THEIRS) as linphone,
    ):
        first, second = (baresip, linphone) if transferee == "baresip" else (linphone, baresip)
        call = app.dial(first.uri, play=TONE)
        first.take()
        app.wait_event("answered", call=call)
        app.request("transfer", call=call, uri=second.uri)
        second.take()
        ended = app.wait_event("transfer_ended", call=call)
        assert ended["ok"]
        app.wait_event("ended", call=call)
        linphone.type_line("")
        eventually("they talked", lambda: linphone.seconds_heard() > 2.5)
        linphone.type_line("terminate all")
        baresip.wait_event("CALL_CLOSED")
        check_hears(OURS, linphone.heard())
        check_hears(THEIRS, baresip.heard())
