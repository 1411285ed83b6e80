import contextlib
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from bus.calls import Outcome
from bus.commands.call import EXIT_CODES
from tests.bus.commands.running import OFFHOOK, Offhook, environment, lines_of, offhook
from tests.peers.engine import Engine
from tests.peers.ports import free_port
from tests.peers.processes import eventually


def test_the_exit_codes_that_scripts_rely_on() -> None:
    assert {outcome: EXIT_CODES[outcome] for outcome in Outcome} == {
        Outcome.COMPLETED: 0,
        Outcome.BUSY: 4,
        Outcome.REJECTED: 4,
        Outcome.REDIRECTED: 4,
        Outcome.NO_ANSWER: 5,
        Outcome.UNREACHABLE: 6,
        Outcome.MEDIA_NOT_ACCEPTABLE: 7,
        Outcome.CANCELLED: 130,
        Outcome.FAILED: 1,
    }


def test_a_call_through_private_engines_on_both_sides(tmp_path: Path) -> None:
    """Nothing runs before and nothing runs afterwards; sound and digits go through."""
    port, record = free_port(), tmp_path / "call.wav"
    sip = ("--sip", f"udp:127.0.0.1:{port}")
    records = ("--record", tmp_path / "records")
    with Offhook(
        tmp_path, "answer", "--echo", "--count", "1", *sip, *records, log="answer.log"
    ) as callee:
        callee.wait_for("ready")
        uri = f"sip:echo@127.0.0.1:{port}"
        words = ("--play", "tone:440", "--record", record, "--dtmf", "12#", "--duration", "2")
        done = offhook("call", uri, *words, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert callee.wait(30) == 0
        events = [line["event"] for line in lines_of(done.stdout)]
        assert events[0] == "dialled"
        assert events[-1] == "ended"
        assert "answered" in events
        ended = lines_of(done.stdout)[-1]
        assert (ended["outcome"], ended["by"], ended["record"]) == (
            "completed",
            "local",
            str(record),
        )
        assert record.stat().st_size > 8000 * 2 * 2
        assert [line["digit"] for line in callee.of("digit_received")] == ["1", "2", "#"]
        [recording] = (tmp_path / "records").glob("*.wav")
        assert callee.of("ended")[0]["record"] == str(recording)


@pytest.mark.parametrize(("status", "code"), [(486, 4), (603, 4), (404, 4), (408, 5), (488, 7)])
def test_a_refusal_is_an_exit_code(live: Engine, tmp_path: Path, status: int, code: int) -> None:
    run_dir = ("--run-dir", live.run_dir)
    with Offhook(tmp_path, "answer", "--reject", str(status), *run_dir) as callee:
        callee.wait_for("ready")
        done = offhook("call", f"sip:a@{live.sip}", *run_dir)
        assert done.returncode == code, done.stdout + done.stderr
        assert str(status) in done.stdout


def test_media_that_must_be_protected(live: Engine, tmp_path: Path) -> None:
    """SRTP is off by default, so nobody here can take the call."""
    run_dir = ("--run-dir", live.run_dir)
    with Offhook(tmp_path, "answer", *run_dir) as callee:
        callee.wait_for("ready")
        done = offhook("call", f"sip:a@{live.sip}", "--srtp", "require", *run_dir)
        assert done.returncode == 7, done.stdout + done.stderr


def test_nobody_takes_it(live: Engine) -> None:
    done = offhook("call", f"sip:nobody@{live.sip}", "--run-dir", live.run_dir)
    assert done.returncode == 5, done.stdout + done.stderr


def test_nobody_is_there(live: Engine) -> None:
    uri = f"sip:a@127.0.0.1:{free_port()};transport=tcp"
    done = offhook("call", uri, "--run-dir", live.run_dir)
    assert done.returncode == 6, done.stdout + done.stderr


def test_ctrl_c_hangs_up_neatly(live: Engine, tmp_path: Path) -> None:
    run_dir = ("--run-dir", live.run_dir)
    with Offhook(tmp_path, "answer", *run_dir, log="answer.log") as callee:
        callee.wait_for("ready")
        with Offhook(tmp_path, "call", f"sip:a@{live.sip}", *run_dir, log="call.log") as caller:
            caller.wait_for("answered")
            caller.signal(signal.SIGINT)
            assert caller.wait(10) == 0
            assert caller.of("ended")[0]["outcome"] == "completed"
            callee.wait_for("ended")
            assert "Traceback" not in caller.output()


def test_on_a_terminal_there_is_a_live_line_and_a_summary(live: Engine, tmp_path: Path) -> None:
    run_dir = ("--run-dir", live.run_dir)
    with Offhook(tmp_path, "answer", "--echo", *run_dir) as callee:
        callee.wait_for("ready")
        words = ("call", f"sip:a@{live.sip}", *run_dir, "--play", "tone:440", "--duration", "1.5")
        shown = on_a_terminal(*words)
    assert re.search(r"\rup 00:01  PCMU  in █\S+ +out █\S+ +loss 0\.0 %  jitter \d", shown), shown
    assert re.search(r"completed after 1\.\d s \(by local\)\r\n", shown)
    assert re.search(r"received [5-9]\d packets, lost 0", shown)


def on_a_terminal(*words: str | Path) -> str:
    """Run a command on a pseudo terminal and return all that it drew."""
    here, there = os.openpty()
    with subprocess.Popen([*OFFHOOK, *words], stdout=there, env=environment({})):
        os.close(there)
        shown = b""
        with contextlib.suppress(OSError):  # how the end of a terminal is told
            while piece := os.read(here, 4096):
                shown += piece
    os.close(here)
    return shown.decode()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["someone"], "is not a SIP URI"),
        (["sip:a@127.0.0.1", "--play", "nothing.wav"], "nothing.wav: no such file"),
        (["sip:a@127.0.0.1", "--play", "tone:loud"], "not a frequency"),
    ],
)
def test_wrong_usage_starts_nothing(words: list[str], complaint: str) -> None:
    done = offhook("call", *words)
    assert done.returncode == 1
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_codec_of_a_call(live: Engine, tmp_path: Path) -> None:
    run_dir = ("--run-dir", live.run_dir)
    with Offhook(tmp_path, "answer", *run_dir, "--echo", log="answer.log") as callee:
        callee.wait_for("ready")
        words = ("--codec", "g722", "--codec", "PCMU", "--duration", "0.5", "--json")
        done = offhook("call", f"sip:a@{live.sip}", *run_dir, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        [answered] = [line for line in lines_of(done.stdout) if line["event"] == "answered"]
        assert (answered["codec"], answered["rate"]) == ("G722", 16000)
        done = offhook("call", f"sip:a@{live.sip}", *run_dir, "--codec", "GSM")
        assert done.returncode == 1
        assert "'GSM' is none of PCMU/8000" in done.stdout + done.stderr


def test_digits_that_are_none_end_the_call_and_say_so(live: Engine, tmp_path: Path) -> None:
    run_dir = ("--run-dir", live.run_dir)
    with Offhook(tmp_path, "answer", *run_dir, log="answer.log") as callee:
        callee.wait_for("ready")
        done = offhook("call", f"sip:a@{live.sip}", *run_dir, "--dtmf", "xyz")
        assert done.returncode == 1
        assert "digits" in done.stderr
        assert "Traceback" not in done.stderr
        callee.wait_for("ended")
    eventually("no call is left", lambda: "c" not in offhook("calls", *run_dir, "--json").stdout)
