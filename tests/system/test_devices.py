"""Softphone calls through sound cards that are none, from end to end."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bus.commands.running import Offhook
from tests.peers.engine import Engine
from tests.peers.sound_server import SoundServer

pytestmark = [pytest.mark.peer("sound"), pytest.mark.timeout(120)]
ROOT = Path(__file__).parent.parent.parent
TALK = ("--play", "device", "--listen", "device")


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundServer]:
    with SoundServer("anna", "bob") as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        yield server


def clicks(feed: str, tap: str, count: int = 8) -> list[float | None]:
    """Return how long clicks took from one device to another, ms."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.peers.clicking", feed, tap, str(count)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=True,
    )
    trips: list[float | None] = json.loads(done.stdout)
    return trips


def come_through(trips: list[float | None]) -> None:
    """Nearly all are heard, within a second: what they take is printed, not judged."""
    heard = [trip for trip in trips if trip is not None]
    assert len(heard) >= len(trips) * 3 // 4, trips
    assert 10 < sorted(heard)[len(heard) // 2] < 1000, trips


def own(name: str) -> tuple[str, ...]:
    return ("--input", f"{name}_microphone", "--output", f"{name}_speaker")


def both_open(command: Offhook) -> None:
    changes = [command.wait_for("device_changed", number) for number in (1, 2)]
    assert {change["part"] for change in changes} == {"microphone", "speaker"}
    assert {change["state"] for change in changes} == {"open"}


def test_a_click_goes_through_device_rtp_echo_rtp_and_device(
    tmp_path: Path, cards: SoundServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with Engine(tmp_path / "engine") as engine:
        engine.wait_up()
        run_dir = ("--run-dir", engine.run_dir)
        with Offhook(tmp_path, "answer", *run_dir, "--echo", log="answer.log") as callee:
            callee.wait_for("ready")
            uri = f"sip:echo@{engine.sip}"
            with Offhook(tmp_path, "call", uri, *run_dir, *TALK, *own("anna")) as caller:
                both_open(caller)
                trips = clicks("feed_anna", "tap_anna", 12)
    heard = sorted(trip for trip in trips if trip is not None)
    with capsys.disabled():
        sys.stdout.write(f"\nround trips of clicks, ms: {heard}\n")
    come_through(trips)


def test_two_softphones_hear_each_other(tmp_path: Path, cards: SoundServer) -> None:
    """One of them rings on the speaker of the other beforehand."""
    with Engine(tmp_path / "engine") as engine:
        engine.wait_up()
        run_dir = ("--run-dir", engine.run_dir)
        answering = ("--ring", "bob_speaker", "--after", "8", *TALK, *own("bob"))
        with Offhook(tmp_path, "answer", *run_dir, *answering, log="answer.log") as callee:
            callee.wait_for("ready")
            uri = f"sip:bob@{engine.sip}"
            with Offhook(tmp_path, "call", uri, *run_dir, *TALK, *own("anna")) as caller:
                caller.wait_for("progress")
                assert any(clicks("feed_bob", "tap_bob", 6)), "it does not ring"
                both_open(caller)
                both_open(callee)
                come_through(clicks("feed_anna", "tap_bob"))
                come_through(clicks("feed_bob", "tap_anna"))


def test_unplugging_is_survived_and_told(tmp_path: Path, cards: SoundServer) -> None:
    with Engine(tmp_path / "engine") as engine:
        engine.wait_up()
        run_dir = ("--run-dir", engine.run_dir)
        with Offhook(tmp_path, "answer", *run_dir, "--echo", log="answer.log") as callee:
            callee.wait_for("ready")
            uri = f"sip:echo@{engine.sip}"
            with Offhook(tmp_path, "call", uri, *run_dir, *TALK, *own("anna")) as caller:
                both_open(caller)
                cards.kill()
                for number in (3, 4):
                    lost = caller.wait_for("device_changed", number)
                    assert (lost["state"], bool(lost["reason"])) == ("lost", True)
                cards.start()
                for number in (5, 6):
                    assert caller.wait_for("device_changed", number)["state"] == "open"
                come_through(clicks("feed_anna", "tap_anna", 4))
                assert not caller.of("ended")
