from pathlib import Path

import pytest

from tests.bus.commands.running import lines_of, offhook, talking
from tests.peers.engine import Engine


def test_a_call_ends_and_its_owner_hears_of_it(live: Engine, tmp_path: Path) -> None:
    with talking(live, tmp_path) as (caller, callee):
        call = str(caller.of("dialled")[0]["call"])
        done = offhook("hangup", call, "--run-dir", live.run_dir, "--json")
        assert lines_of(done.stdout)[0]["event"] == "hung_up"
        assert caller.wait_for("ended")["outcome"] == "completed"
        assert callee.wait_for("ended")["by"] == "remote"
        assert caller.wait(10) == 0


def test_all_calls(live: Engine, tmp_path: Path) -> None:
    with talking(live, tmp_path) as (caller, callee):
        assert offhook("hangup", "--all", "--run-dir", live.run_dir).returncode == 0
        assert caller.wait_for("ended")["outcome"] == "completed"
        callee.wait_for("ended")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(["none"], "no call 'none'"), ([], "name one CALL"), (["c1", "--all"], "name one CALL")],
)
def test_what_cannot_be_ended_is_named(live: Engine, words: list[str], complaint: str) -> None:
    done = offhook("hangup", *words, "--run-dir", live.run_dir)
    assert done.returncode == 1
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1
