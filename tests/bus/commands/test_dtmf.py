from pathlib import Path

from tests.bus.commands.running import lines_of, offhook, talking
from tests.peers.engine import Engine


def test_digits_arrive_at_the_other_side(live: Engine, tmp_path: Path) -> None:
    with talking(live, tmp_path) as (caller, callee):
        call = str(caller.of("dialled")[0]["call"])
        done = offhook("dtmf", call, "4#A", "--run-dir", live.run_dir, "--json")
        assert lines_of(done.stdout)[0]["digits"] == "4#A"
        callee.wait_for("digit_received", count=3)
        assert [line["digit"] for line in callee.of("digit_received")] == ["4", "#", "A"]
        caller.wait_for("digits_sent")


def test_what_is_no_digit_is_refused(live: Engine, tmp_path: Path) -> None:
    with talking(live, tmp_path) as (caller, _):
        call = str(caller.of("dialled")[0]["call"])
        done = offhook("dtmf", call, "4x", "--run-dir", live.run_dir)
        assert done.returncode == 1
        assert "digits" in done.stderr
        assert len(done.stderr.splitlines()) == 1
