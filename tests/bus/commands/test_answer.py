import os
import select
import signal
import subprocess
from pathlib import Path

import pytest

from bus.commands.asking import QUESTION
from tests.bus.commands.running import OFFHOOK, Offhook, environment, lines_of, offhook
from tests.peers.engine import Engine


def test_callers_are_sent_elsewhere(live: Engine, tmp_path: Path) -> None:
    run_dir = ("--run-dir", live.run_dir)
    there, here = f"sip:there@{live.sip}", f"sip:here@{live.sip}"
    with (
        Offhook(tmp_path, "answer", *run_dir, "--user", "there", log="there.log") as callee,
        Offhook(
            tmp_path, "answer", *run_dir, "--user", "here", "--redirect", there, log="here.log"
        ) as forwarder,
    ):
        callee.wait_for("ready")
        forwarder.wait_for("ready")
        done = offhook("call", here, *run_dir, "--duration", "0.3", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert forwarder.wait_for("ended")["outcome"] == "redirected"
        assert callee.wait_for("ended")["outcome"] == "completed"


def test_several_callers_at_once_and_a_limit(live: Engine, tmp_path: Path) -> None:
    run_dir = ("--run-dir", live.run_dir)
    with Offhook(tmp_path, "answer", *run_dir, "--count", "2", "--duration", "1") as callee:
        callee.wait_for("ready")
        uri = f"sip:a@{live.sip}"
        with (
            Offhook(tmp_path, "call", uri, *run_dir, log="1.log") as first,
            Offhook(tmp_path, "call", uri, *run_dir, log="2.log") as second,
        ):
            assert first.wait(20) == 0
            assert second.wait(20) == 0
            assert first.of("ended")[0]["by"] == "remote"
        assert callee.wait(10) == 0
        order = [line["event"] for line in callee.lines()]
        assert order.count("answered") == 2
        assert order.index("ended") > len(order) - 1 - order[::-1].index("answered")


@pytest.mark.parametrize(("typed", "code"), [("r 603\n", 4), ("\n", 0)])
def test_on_a_terminal_it_asks(live: Engine, typed: str, code: int) -> None:
    run_dir = ("--run-dir", str(live.run_dir))
    here, there = os.openpty()
    words = [*OFFHOOK, "answer", *run_dir, "--count", "1", "--duration", "0.2"]
    with subprocess.Popen(words, stdin=there, stdout=there, env=environment({})) as callee:
        os.close(there)
        try:
            read_until(here, "waiting for calls")
            uri = f"sip:a@{live.sip}"
            caller = subprocess.Popen([*OFFHOOK, "call", uri, *run_dir], env=environment({}))
            with caller:
                read_until(here, QUESTION)
                os.write(here, typed.encode())
                assert caller.wait(20) == code
            assert callee.wait(20) == 0
        finally:
            callee.kill()
            os.close(here)


def read_until(terminal: int, text: str) -> None:
    shown = ""
    while text not in shown:
        assert select.select([terminal], [], [], 20)[0], shown
        shown += os.read(terminal, 4096).decode()


def test_ctrl_c_hangs_up_and_ends(live: Engine, tmp_path: Path) -> None:
    run_dir = ("--run-dir", live.run_dir)
    with Offhook(tmp_path, "answer", *run_dir, log="answer.log") as callee:
        callee.wait_for("ready")
        with Offhook(tmp_path, "call", f"sip:a@{live.sip}", *run_dir, log="call.log") as caller:
            caller.wait_for("answered")
            callee.signal(signal.SIGINT)
            assert callee.wait(10) == 0
            assert "Traceback" not in callee.output()
            assert caller.wait(10) == 0
            assert caller.of("ended")[0]["by"] == "remote"


def test_ctrl_c_while_nobody_calls(live: Engine, tmp_path: Path) -> None:
    with Offhook(tmp_path, "answer", "--run-dir", live.run_dir) as callee:
        callee.wait_for("ready")
        callee.signal(signal.SIGINT)
        assert callee.wait(5) == 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--reject", "200"], "from 400 to 699"),
        (["--count", "0"], "at least 1"),
        (["--play", "none.wav"], "no such file"),
        (["--sip", "udp:nowhere"], "udp:nowhere"),
    ],
)
def test_wrong_usage_says_so(words: list[str], complaint: str) -> None:
    done = offhook("answer", *words, "--json")
    assert done.returncode == 1
    assert complaint in done.stderr
    assert not lines_of(done.stdout)
    assert "Traceback" not in done.stderr
