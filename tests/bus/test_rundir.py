import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from bus.errors import LaunchError
from bus.processes import spawn
from bus.rundir import (
    SUPERVISOR_LOCK,
    Resident,
    acquire,
    claim,
    leave,
    residents,
    sweep,
    vacate,
)

HOLD = (
    "import sys; from pathlib import Path; from bus.rundir import acquire; import os\n"
    "lock = acquire(Path(sys.argv[1])); lock.write(os.getpid()); print('held', flush=True)\n"
    "sys.stdin.read()"
)


@contextmanager
def holder(path: Path) -> Generator[subprocess.Popen[str]]:
    """Another process that holds a lock until the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def fill(run_dir: Path) -> None:
    for name in ("control.sock", "settings.json", "settings.json.77", "w0.public", ".w0.state.9"):
        (run_dir / name).touch()
    for name in ("w0.lock", "w12.pcm", "standby-3.pcm", "signaling.lock"):
        (run_dir / name).touch()


def test_a_directory_has_one_supervisor(tmp_path: Path) -> None:
    with holder(tmp_path / SUPERVISOR_LOCK) as other:
        with pytest.raises(LaunchError, match=rf"supervisor that runs \(pid {other.pid}\)"):
            claim(tmp_path, made=False)
        other.kill()
        other.wait()
        claim(tmp_path, made=False).remove()


def test_a_killed_holder_is_no_resident(tmp_path: Path) -> None:
    with holder(tmp_path / "w0.lock") as child:
        assert list(residents(tmp_path)) == [Resident("w0", child.pid)]
        child.kill()
        child.wait()
        assert list(residents(tmp_path)) == []


def test_an_inherited_lock_lives_as_long_as_its_heir(tmp_path: Path) -> None:
    lock = acquire(tmp_path / "w0.lock")
    assert lock is not None
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[lock.descriptor]) as heir:
        lock.write(heir.pid)
        lock.close()
        assert list(residents(tmp_path)) == [Resident("w0", heir.pid)]
    assert list(residents(tmp_path)) == []


def test_a_lock_whose_file_was_removed_is_none(tmp_path: Path) -> None:
    first = acquire(tmp_path / "x.lock")
    assert first is not None
    first.path.unlink()
    second = acquire(tmp_path / "x.lock")
    assert second is not None
    first.close()
    second.remove()
    assert not list(tmp_path.iterdir())


def test_only_the_engine_s_own_files_are_swept(tmp_path: Path) -> None:
    fill(tmp_path)
    for name in ("engine.log", "notes.txt", "call.wav", "w.public"):
        (tmp_path / name).touch()
    sweep(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"engine.log", "notes.txt", "call.wav", "w.public"}


def test_the_files_of_one_child_are_swept_alone(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "w1.public").touch()
    sweep(tmp_path, "w1")
    left = {path.name for path in tmp_path.iterdir()}
    assert "w1.public" not in left
    assert {"w12.pcm", "w0.public", "control.sock"} <= left


@pytest.mark.parametrize("made", [True, False])
def test_what_a_supervisor_made_goes_with_it(tmp_path: Path, made: bool) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    vacate(run_dir, claim(run_dir, made=made))
    assert run_dir.exists() != made


def test_the_last_child_of_a_dead_supervisor_cleans_up(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    claim(run_dir, made=True).close()  # as if it was killed
    fill(run_dir)
    (run_dir / "w0.lock").write_text(f"{os.getpid()} \n")
    mine = acquire(run_dir / "w0.lock")
    assert mine is not None
    with holder(run_dir / "w1.lock"):
        leave(run_dir)
        assert (run_dir / "w0.public").exists()
        assert not (run_dir / "w0.lock").exists()
    leave(run_dir)
    assert not run_dir.exists()
    leave(run_dir)
    mine.close()


def test_a_child_leaves_a_living_supervisor_s_files_alone(tmp_path: Path) -> None:
    fill(tmp_path)
    with holder(tmp_path / SUPERVISOR_LOCK):
        leave(tmp_path)
    assert (tmp_path / "w0.public").exists()


def test_a_directory_that_cannot_be_locked_is_named(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=r"cannot lock .*missing"):
        acquire(tmp_path / "missing" / "x.lock")


def test_children_that_leave_at_once_leave_nothing(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    claim(run_dir, made=True).close()
    (run_dir / SUPERVISOR_LOCK).write_text(f"{2**22 + 1} made\n")
    leaver = (
        "import os, sys; from pathlib import Path; from bus.rundir import acquire, leave\n"
        "run_dir = Path(sys.argv[1]); lock = acquire(run_dir / f'{sys.argv[2]}.lock')\n"
        "lock.write(os.getpid()); print('held', flush=True); sys.stdin.read(); leave(run_dir)"
    )
    with ExitStack() as stack:
        leavers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", leaver, str(run_dir), f"w{number}"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
            for number in range(6)
        ]
        for each in leavers:
            assert each.stdout is not None and each.stdin is not None
            assert each.stdout.readline() == b"held\n"
        for each in leavers:
            assert each.stdin is not None
            each.stdin.close()
    assert not run_dir.exists()


def test_who_leaves_waits_for_another_that_leaves(tmp_path: Path) -> None:
    claim(tmp_path, made=False).close()
    (tmp_path / "w0.public").touch()
    with subprocess.Popen(["true"]) as dead:
        os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
        (tmp_path / SUPERVISOR_LOCK).write_text(f"{dead.pid} \n")  # a zombie: it lives no more
        other = acquire(tmp_path / SUPERVISOR_LOCK)
        assert other is not None
        script = "import sys; from pathlib import Path; from bus.rundir import leave\n"
        script += "leave(Path(sys.argv[1]))"
        with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) as leaver:
            with pytest.raises(subprocess.TimeoutExpired):
                leaver.wait(1.0)
            other.close()
        assert not list(tmp_path.iterdir())


def test_a_child_whose_supervisor_died_before_it_wrote_the_pid_knows_its_own_lock(
    tmp_path: Path,
) -> None:
    claim(tmp_path, made=False).close()
    (tmp_path / SUPERVISOR_LOCK).write_text(f"{2**22 + 1} \n")
    lock = acquire(tmp_path / "w0.lock")
    assert lock is not None
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    script = "import sys; from pathlib import Path; from bus.rundir import leave\n"
    script += "leave(Path(sys.argv[1]))"
    pid = spawn([sys.executable, "-c", script, str(tmp_path)], environ, lock.descriptor)
    lock.close()
    assert os.waitpid(pid, 0) == (pid, 0)
    assert not list(tmp_path.iterdir())
