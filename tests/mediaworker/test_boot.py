"""From a process to a worker: by name, from standby, under a supervisor, without one."""

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bus.tables import PublicStreams, WorkerState
from tests.mediaworker.process_role import ProcessRole, eventually, with_supervisor
from tests.mediaworker.rtp_role import RtpRole
from tests.mediaworker.supervisor_role import SupervisorRole


class Under(ProcessRole):
    """A worker under a supervisor: the test, or a process that can be killed."""

    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir, with_supervisor(orphan_grace=0.5))
        self.supervisor = SupervisorRole(run_dir)

    def parent(self) -> subprocess.Popen[bytes]:
        """Start something to be the parent that is watched."""
        command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
        assert process.stdin is not None
        self.processes.append(process)
        return process

    def close(self) -> None:
        super().close()
        for process in self.processes:
            if process.stdin is not None:
                process.stdin.close()
        self.supervisor.close()


@pytest.fixture
def under() -> Generator[Under]:
    with TemporaryDirectory() as folder:
        role = Under(Path(folder))
        try:
            yield role
        finally:
            role.close()


def test_a_worker_says_that_it_serves_once_signaling_knows_it(under: Under) -> None:
    process = under.start("--worker", "w3", "--parent", str(os.getpid()))
    under.signaling.welcome()
    hello = under.supervisor.hello()
    assert (hello["role"], hello["name"], hello["pid"]) == ("worker", "w3", process.pid)


def test_a_standby_becomes_the_worker_it_is_told_to_be(under: Under) -> None:
    process = under.start("--standby", "standby-1", "--parent", str(os.getpid()))
    hello = under.supervisor.hello()
    assert (hello["role"], hello["name"], hello["pid"]) == ("standby", "standby-1", process.pid)
    assert under.files() == {"supervisor.sock"}
    assert under.supervisor.order("activate", worker="w0")["kind"] == "done"
    met = under.signaling.welcome()
    assert (met["worker"], met["pid"]) == ("w0", process.pid)
    assert PublicStreams.open(Path(met["table"])).path == under.run_dir / "w0.public"
    assert WorkerState.open(under.run_dir / "w0.state").pid[0] == process.pid
    peer = RtpRole()
    try:
        fields = {"stream": 1, "address": "127.0.0.1", "caller_is_remote": True}
        tone = {"source": "tone", "frequency": 440.0}
        under.signaling.ask("open_stream", **fields, play=tone, remote=peer.remote())
        peer.receive()
    finally:
        peer.close()


def test_a_standby_stays_when_an_order_is_no_order(under: Under) -> None:
    process = under.start("--standby", "standby-1", "--parent", str(os.getpid()))
    under.supervisor.hello()
    refused = under.supervisor.order("frobnicate")
    assert (refused["kind"], refused["code"]) == ("refused", "unknown_verb")
    assert process.poll() is None
    assert under.supervisor.order("stop", drain_seconds=0.0)["kind"] == "done"
    assert process.wait() == 0


@pytest.mark.parametrize("how", ["signal", "parent"])
def test_a_standby_ends(under: Under, how: str) -> None:
    parent = under.parent()
    process = under.start("--standby", "standby-1", "--parent", str(parent.pid))
    under.supervisor.hello()
    if how == "signal":
        process.terminate()
    else:
        parent.kill()
    assert process.wait() == 0


def test_a_standby_needs_a_parent(under: Under) -> None:
    assert under.start("--standby", "standby-1").wait() == 1


def test_an_order_to_stop_drains(under: Under) -> None:
    process = under.start("--worker", "w0", "--parent", str(os.getpid()))
    signaling = under.signaling
    signaling.welcome()
    under.supervisor.hello()
    fields = {"address": "127.0.0.1", "caller_is_remote": True}
    signaling.ask("open_stream", stream=1, **fields)
    assert under.supervisor.order("stop", drain_seconds=1e9)["kind"] == "done"
    eventually(lambda: bool(signaling.beat()["draining"]))
    assert signaling.refused("open_stream", stream=2, **fields)[0] == "no_capacity"
    assert process.poll() is None
    signaling.ask("close_stream", stream=1)
    assert under.ended(process) == 0


def test_parent_and_signaling_dead_is_the_end(under: Under) -> None:
    parent = under.parent()
    process = under.start("--worker", "w0", "--parent", str(parent.pid))
    under.signaling.welcome()
    under.supervisor.hello()
    parent.kill()
    assert process.wait() == 0  # we fall silent
    assert under.files() == {"supervisor.sock"}


def test_with_its_parent_dead_it_waits_for_signaling_to_end_the_calls(under: Under) -> None:
    parent = under.parent()
    process = under.start("--worker", "w0", "--parent", str(parent.pid))
    under.signaling.welcome()
    under.supervisor.hello()
    parent.kill()
    parent.wait()
    for _ in range(6):
        under.signaling.beat()
    assert process.poll() is None
    assert under.ended(process) == 0, "but not for ever"


def test_a_worker_started_by_hand_gets_a_name(under: Under) -> None:
    process = under.start()
    assert under.signaling.welcome()["worker"] == f"worker-{process.pid}"
