import json
import os
import subprocess
import sys
from pathlib import Path
from socket import AF_UNIX, SOCK_DGRAM, socket

import pytest

from bus.announcing import Announcer
from bus.children import Child, Role, State
from bus.orders import Changed, Finish, Up

UP = Up(("udp:127.0.0.1:5060",), ("w0", "w1"))


def changed(state: State, last_exit: str = "") -> Changed:
    child = Child(name="w0", role=Role.WORKER, state=state, pid=7, starts=3, last_exit=last_exit)
    return Changed(child)


def test_a_script_reads_up_first_then_every_change(capsys: pytest.CaptureFixture[str]) -> None:
    announcer = Announcer(Path("/r"), as_json=True)
    announcer.say_changed(changed(State.SERVING))
    announcer.say_up(UP)
    announcer.say_changed(changed(State.BACKING_OFF, "killed by SIGKILL"))
    announcer.say_stopping()
    announcer.say_finish(Finish(0))
    up, child, down = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert up.pop("at") > 1.7e9
    assert up == {
        "event": "up",
        "run_dir": "/r",
        "pid": os.getpid(),
        "listeners": ["udp:127.0.0.1:5060"],
        "workers": ["w0", "w1"],
    }
    assert child.pop("at") > 1.7e9
    assert child == {
        "event": "child",
        "name": "w0",
        "role": "worker",
        "pid": 7,
        "state": "backing_off",
        "restarts": 2,
        "last_exit": "killed by SIGKILL",
    }
    assert (down["event"], down["code"], down["reason"]) == ("down", 0, "")


def test_a_start_that_fails_says_so_instead(capsys: pytest.CaptureFixture[str]) -> None:
    announcer = Announcer(Path("/r"), as_json=True)
    announcer.say_finish(Finish(1, "signaling cannot be started"))
    said = capsys.readouterr()
    line = json.loads(said.out)
    assert (line["event"], line["reason"]) == ("failed", "signaling cannot be started")
    assert said.err == "offhook: signaling cannot be started\n"


def test_a_person_reads_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    announcer = Announcer(Path("/r"), as_json=False)
    announcer.say_changed(changed(State.SERVING))
    announcer.say_changed(changed(State.BACKING_OFF, "exit code 1"))
    announcer.say_up(UP)
    for state in State:
        announcer.say_changed(changed(state, "exit code 1"))
    announcer.say_stopping()
    announcer.say_finish(Finish(0))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "w0 (process 7): ended (exit code 1)"
    assert lines[1].startswith("offhook is up: process ")
    assert "w0 (process 7): given up after exit code 1" in lines
    assert len(lines) == 4 + len(State) + 1


def test_a_reader_that_went_away_is_no_reason_to_stop() -> None:
    script = (
        "from pathlib import Path; from bus.announcing import Announcer\n"
        "from bus.orders import Up\n"
        "announcer = Announcer(Path('/r'), as_json=True)\n"
        "input()\n"
        "for _ in range(9): announcer.say_up(Up((), ()))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.close()
        process.stdin.write(b"\n")
        process.stdin.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "notify")
    with socket(AF_UNIX, SOCK_DGRAM) as listening:
        listening.bind(path)
        listening.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        announcer = Announcer(Path("/r"), as_json=True)
        announcer.say_up(UP)
        announcer.say_stopping()
        assert [listening.recv(100), listening.recv(100)] == [b"READY=1", b"STOPPING=1"]
    announcer.say_up(UP)
