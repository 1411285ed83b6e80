"""SCENARIO 24: an INVITE that a proxy forks, and calls through a proxy that record-routes."""

from pathlib import Path

import pytest

from tests.peers.calls import TONE
from tests.peers.capture import Capture, SipSeen
from tests.peers.engine import Engine
from tests.peers.kamailio import Kamailio
from tests.peers.plain_client import PlainClient
from tests.peers.sipp import Sipp

pytestmark = [pytest.mark.peer("kamailio", "sipp", "capture"), pytest.mark.timeout(60)]


def requests(wire: Capture, peer: Sipp) -> list[SipSeen]:
    return [s for s in wire.sip(peer.port) if s.method and s.destination == peer.port]


def test_the_first_answer_wins(engine: Engine, app: PlainClient, tmp_path: Path) -> None:
    """Two ring and both answer: the first is kept, the other gets ACK and BYE at once."""
    with (
        Capture() as wire,
        Sipp(tmp_path, "answers_and_is_hung_up_through_proxies", extra=["-rtp_echo"]) as winner,
        Sipp(tmp_path, "wins_too_late") as loser,
    ):
        forks = {"team": [f"sip:a@127.0.0.1:{phone.port}" for phone in (winner, loser)]}
        with Kamailio(tmp_path / "proxy", forks=forks) as proxy:
            call = app.dial(f"sip:team@{proxy.sip}", play=TONE)
            answered = app.wait_event("answered", call=call)
            loser.finish().check(1)
            app.watch(0.4)
            assert not [event for event in app.events if event["verb"] == "ended"]
            app.request("hang_up", call=call)
            ended = app.wait_event("ended", call=call)
            winner.finish().check(1)
        packets = wire.rtp(source=int(str(answered["local_media"]).rpartition(":")[2]))
        kept, dropped = requests(wire, winner), requests(wire, loser)
        responses = [s for s in wire.sip(engine.sip_port) if s.destination == engine.sip_port]
    assert (ended["outcome"], ended["by"]) == ("completed", "local")
    assert {seen.header("To") for seen in responses if seen.status == 180} >= {
        seen.header("To") for seen in responses if seen.status == 200 and "INVITE" in cseq(seen)
    }
    assert len({seen.header("To") for seen in responses if seen.status == 180}) == 2
    assert [seen.method for seen in kept] == ["INVITE", "ACK", "BYE"]
    assert [seen.method for seen in dropped] == ["INVITE", "CANCEL", "ACK", "BYE"]
    assert dropped[-1].at < kept[-1].at - 0.3
    assert {packet.destination for packet in packets} == {winner.media_port}


def cseq(seen: SipSeen) -> str:
    return seen.header("CSeq")


def test_all_are_busy(app: PlainClient, tmp_path: Path) -> None:
    with (
        Sipp(tmp_path, "refuses", status=486, keys={"extra": "X: y"}) as first,
        Sipp(tmp_path, "refuses", status=486, keys={"extra": "X: y"}) as second,
    ):
        forks = {"team": [f"sip:a@127.0.0.1:{phone.port}" for phone in (first, second)]}
        with Kamailio(tmp_path / "proxy", forks=forks) as proxy:
            call = app.dial(f"sip:team@{proxy.sip}", play=TONE)
            assert app.wait_event("ended", call=call)["outcome"] == "busy"
            first.finish().check(1)
            second.finish().check(1)
