"""Workers come and go under a running call; when none is free the caller is told when to try."""

import signal
import sys
from pathlib import Path
from typing import cast

import pytest

from tests.peers.calls import take_call
from tests.peers.capture import Capture, check_continuous, longest_gap
from tests.peers.engine import ROOT, Engine
from tests.peers.hand import Hand
from tests.peers.plain_client import PlainClient
from tests.peers.processes import Running, eventually

pytestmark = [pytest.mark.peer("capture"), pytest.mark.timeout(120)]


def worker_states(app: PlainClient) -> dict[str, str]:
    rows = cast("list[dict[str, object]]", app.request("list_workers")["workers"])
    return {str(row["worker"]): str(row["state"]) for row in rows}


def test_scaled_up_and_down_under_calls(tmp_path: Path) -> None:
    with Engine(tmp_path) as engine, Capture() as wire, Hand() as first, Hand() as second:
        engine.wait_up()
        with engine.client() as app:
            app.request("subscribe", user="*")
            take_call(app, first, engine.sip_port)
            engine.scale(2)
            eventually("two workers", lambda: worker_states(app) == {"w0": "up", "w1": "up"})
            assert take_call(app, second, engine.sip_port)["worker"] == "w1"
            engine.scale(1)
            eventually("w1 drains", lambda: worker_states(app).get("w1") == "draining")
            app.watch(1.0)
            for hand in (first, second):
                check_continuous(wire.rtp(destination=hand.media_port))
                assert longest_gap(wire.rtp(destination=hand.media_port)) < 0.1
                hand.request("BYE")
                hand.expect(200)
            eventually("w1 is gone", lambda: worker_states(app) == {"w0": "up"}, seconds=15)
        engine.stop_cleanly()


def test_no_worker_free_is_503(tmp_path: Path) -> None:
    settings = {"media.streams": 1, "media.standbys": 0}
    with Engine(tmp_path, settings=settings) as engine, Hand() as first, Hand() as second:
        engine.wait_up()
        with engine.client() as app:
            app.request("subscribe", user="*")
            take_call(app, first, engine.sip_port)
            second.invite(engine.sip_port)
            refusal = second.expect(503)
            assert int(refusal.header("Retry-After").split()[0]) > 0
            second.request("ACK", branch=second.invite_branch)
            first.request("BYE")
            first.expect(200)
        engine.stop_cleanly()


def test_a_worker_started_by_hand_joins(tmp_path: Path) -> None:
    with Engine(tmp_path) as engine:
        engine.wait_up()
        settings = engine.run_dir / "settings.json"
        command = [sys.executable, "-P", "-m", "mediaworker", "--run-dir", str(engine.run_dir)]
        command += ["--settings", str(settings), "--worker", "extra"]
        with (
            engine.client() as app,
            Running(
                command, folder=tmp_path, log="extra.log", environ={"PYTHONPATH": str(ROOT)}
            ) as extra,
        ):
            eventually("it joined", lambda: worker_states(app).get("extra") == "up")
            assert extra.stop(10.0) == 0, extra.output()
            eventually("it left", lambda: worker_states(app).get("extra") in (None, "lost"))
        engine.stop_cleanly()


def test_drained_on_sigterm(tmp_path: Path) -> None:
    """Running calls get their time, then a BYE; new ones are refused meanwhile."""
    settings = {"supervisor.drain": 1.5}
    with Engine(tmp_path, settings=settings) as engine, Hand() as hand, Hand() as late:
        engine.wait_up()
        with engine.client() as app:
            app.request("subscribe", user="*")
            take_call(app, hand, engine.sip_port)
            engine.signal(signal.SIGTERM)
            eventually("signaling drains", lambda: '"state":"stopping"' in engine.output())
            app.watch(0.2)
            late.invite(engine.sip_port)
            late.expect(503)
            late.request("ACK", branch=late.invite_branch)
            hand.respond(hand.expect("BYE", seconds=10.0), 200)
            assert engine.wait(15.0) == 0, engine.output()
        engine.check_nothing_left()
