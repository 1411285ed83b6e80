"""What happens within a session, with SIPp and linphonec: SCENARIOS 10, 16 and 27, and bodies."""

from pathlib import Path

import pytest

from tests.peers.calls import TONE
from tests.peers.capture import Capture
from tests.peers.engine import Engine
from tests.peers.linphone import Linphone
from tests.peers.plain_client import PlainClient
from tests.peers.sipp import Sipp
from tools.sound import tune

pytestmark = [pytest.mark.peer("sipp", "capture"), pytest.mark.timeout(60)]


def end(app: PlainClient, call: str, peer: Sipp) -> None:
    """Hang up; the peer must have seen all as its scenario has it."""
    app.request("hang_up", call=call)
    assert app.wait_event("ended", call=call)["outcome"] == "completed"
    peer.finish().check(1)


# -------------------------------------------------------------------------- 27: session timers


def test_the_peer_wants_longer_sessions(app: PlainClient, tmp_path: Path) -> None:
    """422: our next INVITE asks for as much as it wants."""
    with Sipp(tmp_path, "refuses_interval") as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", play=TONE)
        app.wait_event("answered", call=call)
        end(app, call, peer)


def test_a_caller_that_wants_too_brief_sessions(
    engine: Engine, app: PlainClient, tmp_path: Path
) -> None:
    app.request("subscribe", user="*")
    with Sipp(tmp_path, "calls_too_often", remote=engine.sip) as peer:
        call = app.incoming()
        app.request("answer", call=call, play=TONE)
        app.wait_event("answered", call=call)
        end(app, call, peer)


def test_a_caller_that_refreshes(engine: Engine, app: PlainClient, tmp_path: Path) -> None:
    """By UPDATE without a body and by re-INVITE: nobody is held, and the media go on."""
    app.request("subscribe", user="*")
    with Sipp(tmp_path, "calls_with_timer", remote=engine.sip) as peer:
        call = app.incoming()
        app.request("answer", call=call, play=TONE)
        app.wait_event("answered", call=call)
        assert app.wait_event("ended", call=call)["outcome"] == "completed"
        peer.finish().check(1)
    assert not [event for event in app.events if event["verb"] == "hold_changed"]


# ------------------------------------------------------------------------------ 10 and bodies


def test_a_reinvite_without_an_offer(app: PlainClient, tmp_path: Path) -> None:
    with Sipp(tmp_path, "reinvites_offerless") as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", play=TONE)
        app.wait_event("answered", call=call)
        app.watch(0.3)
        end(app, call, peer)


def test_a_description_in_a_body_of_parts(engine: Engine, app: PlainClient, tmp_path: Path) -> None:
    app.request("subscribe", user="*")
    with (
        Capture() as wire,
        Sipp(tmp_path, "calls_multipart", remote=engine.sip, hold_ms=300) as peer,
    ):
        call = app.incoming()
        app.request("answer", call=call, play=TONE)
        answered = app.wait_event("answered", call=call)
        assert app.wait_event("ended", call=call)["outcome"] == "completed"
        peer.finish().check(1)
        packets = wire.rtp(destination=peer.media_port)
    assert answered["codec"] == "PCMU"
    assert len(packets) > 5


# ------------------------------------------------------------------------------ 16: INFO

RELAY = ("application/dtmf-relay", "Signal=5", "Duration=160")
BARE = ("application/dtmf", "#", "")


@pytest.mark.parametrize(("kind", "line", "second"), [RELAY, BARE])
def test_a_digit_comes_as_info(
    app: PlainClient, tmp_path: Path, kind: str, line: str, second: str
) -> None:
    keys = {"type": kind, "line": line, "second_line": second}
    with Sipp(tmp_path, "sends_info", keys=keys, hold_ms=100) as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", play=TONE)
        digit = app.wait_event("digit_received", call=call)
        assert digit["digit"] == line[-1]
        end(app, call, peer)


@pytest.mark.parametrize("method", ["info", "info-dtmf"])
def test_digits_go_as_info(app: PlainClient, tmp_path: Path, method: str) -> None:
    """One INFO a digit, in their order."""
    with Sipp(tmp_path, "takes_info") as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", play=TONE)
        app.wait_event("answered", call=call)
        app.request("send_digits", call=call, digits="1#A", method=method)
        app.wait_event("digits_sent", call=call)
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        outcome = peer.finish()
    outcome.check(1)
    bodies = [text.partition("\n\n")[2] for text in outcome.messages.split("INFO sip:")[1:]]
    keys = [body.replace("Signal=", "").strip()[:1] for body in bodies]
    assert keys == ["1", "#", "A"]


@pytest.mark.peer("linphonec")
@pytest.mark.parametrize("by", ["rfc4733", "info"])
def test_digits_of_a_telephone(app: PlainClient, tmp_path: Path, by: str) -> None:
    """Both ways: its keys reach us however it sends them, and ours reach it as events or INFO."""
    with Linphone(tmp_path / "phone", says=tune(0.5, 41), digits_by=by) as phone:
        call = app.dial(phone.uri, play=TONE)
        phone.take()
        app.wait_event("answered", call=call)
        phone.press("7")
        assert app.wait_event("digit_received", call=call)["digit"] == "7"
        phone.press("*")
        assert app.wait_event("digit_received", call=call)["digit"] == "*"
        app.request("send_digits", call=call, digits="42", method=by)
        phone.wait_line("Receiving tone 4 ")
        phone.wait_line("Receiving tone 2 ")
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        phone.wait_ended(1)
