from pathlib import Path

from tests.bus.commands.running import lines_of, offhook
from tests.peers.engine import Engine
from tests.peers.processes import eventually


def test_workers_and_processes_are_listed(live: Engine) -> None:
    done = offhook("workers", "--run-dir", live.run_dir, "--json")
    lines = lines_of(done.stdout)
    [worker] = [line for line in lines if line["event"] == "worker"]
    assert (worker["worker"], worker["state"]) == ("w0", "up")
    assert worker["pid"] == live.pid_of("w0")
    assert Path(str(worker["table"])).exists()
    roles = {line["role"] for line in lines if line["event"] == "process"}
    assert roles == {"signaling", "worker", "standby"}
    text = offhook("workers", "--run-dir", live.run_dir).stdout
    assert "WORKER" in text
    assert "PROCESS" in text


def test_there_can_be_more_and_less(live: Engine) -> None:
    done = offhook("workers", "--scale", "2", "--run-dir", live.run_dir, "--json")
    assert (done.returncode, lines_of(done.stdout)[0]["event"]) == (0, "scaled")
    live.pid_of("w1")
    offhook("workers", "--scale", "1", "--run-dir", live.run_dir)
    eventually("w1 is gone", lambda: "w1" not in live.processes())
