"""``kill -9`` of each process: what becomes of the calls, and what comes back."""

import os
import signal
import time
from pathlib import Path
from typing import cast

import pytest

from tests.peers.calls import take_call
from tests.peers.capture import Capture, check_continuous, longest_gap
from tests.peers.engine import Engine
from tests.peers.hand import Hand
from tests.peers.plain_client import PlainClient, RefusedError
from tests.peers.processes import eventually

pytestmark = [pytest.mark.peer("capture"), pytest.mark.timeout(120)]


def up_workers(app: PlainClient) -> list[str]:
    rows = cast("list[dict[str, object]]", app.request("list_workers")["workers"])
    return [str(row["worker"]) for row in rows if row["state"] == "up"]


def test_a_worker_dies(tmp_path: Path) -> None:
    """Its call ends with BYE and a clear event; the other one and new ones do not notice."""
    with (
        Engine(tmp_path, workers=2) as engine,
        Capture() as wire,
        Hand() as doomed,
        Hand() as spared,
        Hand() as new,
    ):
        engine.wait_up()
        with engine.client() as app:
            app.request("subscribe", user="*")
            lost = take_call(app, doomed, engine.sip_port)
            kept = take_call(app, spared, engine.sip_port)
            assert lost["worker"] != kept["worker"]
            victim = engine.pid_of(str(lost["worker"]))
            app.watch(0.3)
            os.kill(victim, signal.SIGKILL)
            at_once = take_call(app, new, engine.sip_port)
            ended = app.wait_event("ended", call=str(lost["call"]))
            assert (ended["outcome"], ended["by"]) == ("failed", "engine")
            assert str(lost["worker"]) in str(ended["reason"])
            doomed.respond(doomed.expect("BYE"), 200)
            app.watch(0.5)
            check_continuous(wire.rtp(destination=spared.media_port))
            assert longest_gap(wire.rtp(destination=spared.media_port)) < 0.1
            assert at_once["worker"]
            eventually("both workers are up again", lambda: len(up_workers(app)) == 2)
            assert engine.pid_of(str(lost["worker"])) != victim
            for hand in (spared, new):
                hand.request("BYE")
                hand.expect(200)
        engine.stop_cleanly()


def test_signaling_dies(tmp_path: Path) -> None:
    """Its calls end, it serves again, and a client that says hello again goes on."""
    with Engine(tmp_path) as engine, Capture() as wire, Hand() as hand, Hand() as other:
        engine.wait_up()
        with engine.client() as app:
            app.request("subscribe", user="*")
            take_call(app, hand, engine.sip_port)
            os.kill(engine.pid_of("signaling"), signal.SIGKILL)
            killed_at = time.time()
            other.engine = ("127.0.0.1", engine.sip_port)
            other.target = f"sip:service@{engine.sip}"
            eventually("it answers OPTIONS again", lambda: answers_options(other), seconds=5)
            assert time.time() - killed_at < 3.0
            eventually("a worker is back", lambda: says_hello(app) and up_workers(app))
            app.watch(1.0)
            assert app.request("list_calls")["calls"] == []
            assert wire.rtp(destination=hand.media_port)[-1].at < killed_at + 3.0
            app.request("subscribe", user="*")
            with Hand() as new:
                call = str(take_call(app, new, engine.sip_port)["call"])
                app.request("hang_up", call=call)
                new.respond(new.expect("BYE"), 200)
                app.wait_event("ended", call=call)
        engine.stop_cleanly()


def answers_options(hand: Hand) -> bool:
    hand.request("OPTIONS")
    try:
        return hand.receive(0.1).status == 200
    except (AssertionError, ConnectionRefusedError):
        return False


def says_hello(app: PlainClient) -> bool:
    """Our old session is refused, by name, until we say hello."""
    try:
        app.request("list_workers")
    except RefusedError as refused:
        assert refused.code == "stale_session"
        app.hello()
    return True


def test_the_supervisor_dies(tmp_path: Path) -> None:
    """All hang up and go after the grace, nothing is left, and it comes up again."""
    settings = {"supervisor.orphan_grace": 3.0}
    with Engine(tmp_path, workers=2, settings=settings) as engine, Hand() as hand:
        engine.wait_up()
        with engine.client() as app:
            app.request("subscribe", user="*")
            call = str(take_call(app, hand, engine.sip_port)["call"])
            os.kill(engine.pid, signal.SIGKILL)
            killed_at = time.time()
            hand.respond(hand.expect("BYE", seconds=10.0), 200)
            assert time.time() - killed_at > 2.5
            app.wait_event("ended", call=call)
        engine.check_nothing_left(10.0)
        with Engine(
            tmp_path, workers=2, sip_port=engine.sip_port, rtp_first=engine.rtp_first
        ) as again:
            again.wait_up()
            again.stop_cleanly()
