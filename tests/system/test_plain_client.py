"""The bus, spoken by a client made of pyzmq and msgpack alone."""

import time
from pathlib import Path
from typing import cast

import pytest

from tests.peers.engine import Engine
from tests.peers.plain_client import PlainClient, PlainFeed, RefusedError
from tests.peers.sipp import Sipp

pytestmark = [pytest.mark.peer("sipp"), pytest.mark.timeout(60)]


def test_nothing_without_a_hello(engine: Engine) -> None:
    with PlainClient(engine.run_dir / "control.sock", "rude", greet=False) as rude:
        with pytest.raises(RefusedError) as refused:
            rude.request("get_status")
        assert refused.value.code == "stale_session"


def test_another_version_is_refused(engine: Engine) -> None:
    with (
        PlainClient(engine.run_dir / "control.sock", "future", greet=False) as future,
        pytest.raises(RefusedError, match="version"),
    ):
        future.request("hello", peer="future", incarnation="1", version=99)


def test_a_command_that_comes_too_late_is_not_applied(app: PlainClient) -> None:
    with pytest.raises(RefusedError) as refused:
        app.request("dial", deadline=time.time() - 1, uri="sip:a@127.0.0.1:9")
    assert refused.value.code == "too_late"
    assert app.request("list_calls")["calls"] == []


def test_a_command_sent_twice_is_applied_once(app: PlainClient, tmp_path: Path) -> None:
    with Sipp(tmp_path, "answers_and_is_hung_up", calls=1) as peer:
        number = app.post("dial", {"uri": f"sip:bob@127.0.0.1:{peer.port}"})
        first = app.reply(number)
        app.post("dial", {"uri": f"sip:bob@127.0.0.1:{peer.port}"}, id=number)
        assert app.reply(number) == first
        call = str(first["call"])
        app.wait_event("answered", call=call)
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        outcome = peer.finish()
    outcome.check(1)


def test_events_are_numbered_without_a_hole(app: PlainClient, tmp_path: Path) -> None:
    with Sipp(tmp_path, "answers_and_is_hung_up", calls=3) as peer:
        for _ in range(3):
            call = app.dial(f"sip:bob@127.0.0.1:{peer.port}")
            app.wait_event("answered", call=call)
            app.request("hang_up", call=call)
            app.wait_event("ended", call=call)
        peer.finish().check(3)
    first = app.sequences[0]
    assert app.sequences == list(range(first, first + len(app.sequences)))


def test_the_feed_shows_everything(engine: Engine, app: PlainClient, tmp_path: Path) -> None:
    feed = PlainFeed(engine.run_dir / "events.sock", "call", "sip")
    try:
        app.watch(0.5)
        with Sipp(tmp_path, "answers_and_is_hung_up") as peer:
            call = app.dial(f"sip:bob@127.0.0.1:{peer.port}")
            app.wait_event("answered", call=call)
            app.request("hang_up", call=call)
            app.wait_event("ended", call=call)
            peer.finish().check(1)
        seen: list[tuple[str, dict[str, object]]] = []
        while (item := feed.next(0.5)) is not None:
            seen.append(item)
    finally:
        feed.close()
    verbs = [body["verb"] for topic, body in seen if topic == "call"]
    assert verbs[-1] == "ended"
    assert "answered" in verbs
    ladder = [str(body["text"]).split()[0] for topic, body in seen if topic == "sip"]
    assert [word for word in ladder if word != "SIP/2.0"] == ["INVITE", "ACK", "BYE"]


def test_status_tells_what_runs(engine: Engine, app: PlainClient) -> None:
    status = app.request("get_status")
    assert f"udp:{engine.sip}" in cast("list[str]", status["listeners"])
    assert status["calls"] == 0


def test_an_owner_that_goes_away_loses_its_calls(engine: Engine, tmp_path: Path) -> None:
    """It is silent for longer than ``bus.client_timeout``: its call is hung up."""
    with (
        Sipp(tmp_path, "answers_and_is_hung_up", seconds=30) as peer,
        engine.client("short-lived") as owner,
    ):
        call = owner.dial(f"sip:bob@127.0.0.1:{peer.port}")
        owner.wait_event("answered", call=call)
        peer.finish().check(1)
