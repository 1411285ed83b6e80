"""Each example does what it says, as a process of its own."""

import re
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.bus.commands.running import PRIVATE_PORTS, offhook
from tests.peers.engine import Engine
from tests.peers.hearing import check_hears
from tests.peers.kamailio import Kamailio
from tests.peers.processes import Running, eventually
from tests.peers.sound_server import SoundServer
from tools.sound import read_wav, tune, write_wav

ROOT = Path(__file__).parent.parent.parent.parent
EXAMPLES = ROOT / "tools" / "examples"
COVERED = {
    *("place_call", "answer", "reject", "redirect", "digits", "hold"),
    *("softphone", "voice_bot"),
    *("blind_transfer", "attended_transfer", "accept_transfer", "register", "plain_client"),
    *("bridge", "conference"),
}


class Example(Running):
    """An example; ``uri`` is what it asks to be called at."""

    def __init__(self, folder: Path, name: str, *words: str | Path, **more: str) -> None:
        command = [sys.executable, EXAMPLES / f"{name}.py", *words]
        environ = {"PYTHONPATH": str(ROOT), **PRIVATE_PORTS, **more}
        super().__init__(command, folder=folder, log=f"{name}.log", environ=environ)

    @property
    def uri(self) -> str:
        return self.says(r"^call (sip:\S+)$")[1]

    def says(self, pattern: str) -> re.Match[str]:
        """Wait for a line."""

        def found() -> re.Match[str] | None:
            line = re.search(pattern, self.output(), re.MULTILINE)
            assert line or self.alive(), self.output()
            return line

        return eventually(f"it says {pattern!r}", found, seconds=20)

    def finish(self) -> str:
        """Wait for its end, which must be a good one; return what it said."""
        assert self.wait(30) == 0, self.output()
        return self.output()


def test_every_example_is_run_here() -> None:
    assert {path.stem for path in EXAMPLES.glob("[!_]*.py")} == COVERED


def test_placing_and_answering(tmp_path: Path) -> None:
    with Example(tmp_path, "answer", tmp_path) as callee:
        with Example(tmp_path, "place_call", callee.uri) as caller:
            said = caller.finish()
        assert "talking, PCMU" in said
        assert re.search(r"completed after [34]\.\d s", said)
        assert packets_in(said) > 100
        record = Path(callee.says(r"completed, recorded in (\S+)$")[1])
        assert record.stat().st_size > 2.9 * 8000 * 2 * 2
        callee.signal(signal.SIGINT)
        callee.wait(20)


@pytest.mark.parametrize(("friend", "words"), [("offhook", "busy"), ("other", "603 Decline")])
def test_rejecting(tmp_path: Path, friend: str, words: str) -> None:
    with (
        Example(tmp_path, "reject", friend) as callee,
        Example(tmp_path, "place_call", callee.uri) as caller,
    ):
        assert words in caller.finish()
        callee.says(r"^sip:offhook@\S+: (busy|rejected)")


def test_redirecting(tmp_path: Path) -> None:
    with (
        Example(tmp_path, "answer", tmp_path) as callee,
        Example(tmp_path, "redirect", callee.uri) as forwarder,
        Example(tmp_path, "place_call", forwarder.uri) as caller,
    ):
        assert "completed" in caller.finish()
        forwarder.says(r": redirected")


def test_digits_both_ways(tmp_path: Path) -> None:
    with Example(tmp_path, "digits") as example:
        said = example.finish()
    assert "the caller entered 42" in said
    assert "the menu said 24" in said


def test_holding(tmp_path: Path) -> None:
    """The peer, which records, hears the music."""
    music = tune(4.0, 1)
    file = write_wav(tmp_path / "music.wav", music)
    with Example(tmp_path, "answer", tmp_path) as peer:
        with Example(tmp_path, "hold", peer.uri, file) as example:
            assert example.finish().splitlines() == ["held", "talking again"]
        record = peer.says(r"completed, recorded in (\S+)$")[1]
    check_hears(music, read_wav(Path(record))[0][:, 0])


@pytest.mark.peer("sound")
def test_talking_through_a_sound_card(tmp_path: Path) -> None:
    with (
        SoundServer("anna") as cards,
        Example(tmp_path, "answer", tmp_path) as peer,
        Example(tmp_path, "softphone", peer.uri, "anna", **cards.environ) as example,
    ):
        example.says("^speaker anna_speaker open$")
        example.says("^microphone anna_microphone open$")
        peer.signal(signal.SIGINT)
        assert "completed" in example.finish()


def test_a_bot_answers_when_the_caller_pauses(tmp_path: Path) -> None:
    """The caller, who records, hears a chord after its own sound, and not before."""
    sound = write_wav(tmp_path / "question.wav", tune(1.0, 1))
    record = tmp_path / "call.wav"
    with Example(tmp_path, "voice_bot") as bot:
        words = ("--play", sound, "--record", record, "--duration", "4")
        assert offhook("call", bot.uri, *words).returncode == 0
        bot.says("^answered$")
        bot.says("^completed")
    heard = abs(read_wav(record)[0][:, 1].astype(np.int32))
    assert heard[:8000].max() < 500
    assert heard[8000:].max() > 1500


def test_bridging(tmp_path: Path) -> None:
    """The caller hears the echo of what it says, through the bridge."""
    with (
        Example(tmp_path, "answer", tmp_path) as target,
        Example(tmp_path, "bridge", target.uri, tmp_path) as bridge,
        Example(tmp_path, "place_call", bridge.uri) as caller,
    ):
        said = caller.finish()
        bridge.says(rf"^sip:offhook@\S+ talks to {re.escape(target.uri)}$")
        bridge.says(r"^sip:offhook@\S+: over$")
        target.says(r"completed, recorded in (\S+)$")
    assert packets_in(said) > 100


def test_conferring(tmp_path: Path) -> None:
    record = tmp_path / "all.wav"
    with Example(tmp_path, "conference", record) as conference:
        callers = [Example(tmp_path, "place_call", conference.uri) for _ in range(2)]
        with callers[0], callers[1]:
            conference.says(r"joined: 2 in the conference$")
            for caller in callers:
                assert packets_in(caller.finish()) > 100
        conference.says(r"left\n.*left$")
        conference.signal(signal.SIGINT)
        conference.wait(20)
    sound, _ = read_wav(record)
    assert np.abs(sound).max() > 1000, "what the callers said, and the tones"


def test_blind_transfer(tmp_path: Path) -> None:
    with (
        Example(tmp_path, "answer", tmp_path) as target,
        Example(tmp_path, "blind_transfer", target.uri) as reception,
        Example(tmp_path, "accept_transfer", reception.uri) as caller,
    ):
        said = caller.finish()
        assert f"sent to {target.uri}" in said
        assert packets_in(said) > 50
        reception.says(r"^180 Ringing$")
        reception.says(rf"^sip:offhook@\S+ talks to {re.escape(target.uri)}$")


def test_blind_transfer_to_who_refuses(tmp_path: Path) -> None:
    with (
        Example(tmp_path, "reject") as target,
        Example(tmp_path, "blind_transfer", target.uri) as reception,
        Example(tmp_path, "accept_transfer", reception.uri) as caller,
    ):
        reception.says("is back: transfer failed: 603 Decline")
        assert "nobody there: rejected: 603 Decline" in caller.finish()


def test_attended_transfer(tmp_path: Path) -> None:
    with (
        Example(tmp_path, "answer", tmp_path) as target,
        Example(tmp_path, "attended_transfer", target.uri) as reception,
        Example(tmp_path, "accept_transfer", reception.uri) as caller,
    ):
        assert packets_in(caller.finish()) > 50
        reception.says(rf"^sip:offhook@\S+ talks to {re.escape(target.uri)}$")


@pytest.mark.peer("kamailio")
def test_registering(tmp_path: Path) -> None:
    with Kamailio(tmp_path / "proxy", users={"anna": "secret"}) as proxy:
        aor = f"sip:anna@{proxy.sip}"
        with Example(tmp_path, "register", aor, OFFHOOK_PASSWORD="wrong") as example:
            assert "not registered: " in example.finish()
        with (
            Example(tmp_path, "register", aor, OFFHOOK_PASSWORD="secret") as example,
            calling(tmp_path, example, aor) as caller,
        ):
            assert "packets came back" in caller.finish()
            example.says(r"^sip:offhook@\S+ talks to us$")


def calling(folder: Path, callee: Example, uri: str) -> Example:
    callee.says(r"^registered as <?sip:\S+")
    return Example(folder, "place_call", uri)


def packets_in(said: str) -> int:
    packets = re.search(r"(\d+) packets came", said)
    assert packets is not None, said
    return int(packets[1])


def test_a_client_made_only_of_pyzmq_and_msgpack(tmp_path: Path) -> None:
    source = (EXAMPLES / "plain_client.py").read_text()
    assert not re.search(r"^(from|import) (bus|offhook)\b", source, re.MULTILINE)
    with Engine(tmp_path / "engine") as engine, Example(tmp_path, "answer", tmp_path) as callee:
        engine.wait_up()
        with Example(tmp_path, "plain_client", engine.run_dir, callee.uri) as caller:
            said = caller.finish()
        callee.says("pressed 1\npressed 2\npressed #")
    assert said.splitlines() == ["answered, PCMU", "ended: completed"]
