from pathlib import Path

from tests.bus.commands.running import Line, lines_of, offhook, talking
from tests.peers.engine import Engine


def listed(live: Engine, call: str) -> Line:
    [line] = [line for line in in_calls(live) if line["call"] == call]
    return line


def in_calls(live: Engine) -> list[Line]:
    return lines_of(offhook("calls", "--run-dir", live.run_dir, "--json").stdout)


def test_a_peer_is_held_and_taken_back(live: Engine, tmp_path: Path) -> None:
    run_dir = ("--run-dir", live.run_dir)
    with talking(live, tmp_path) as (caller, callee):
        call = str(caller.of("dialled")[0]["call"])
        done = offhook("hold", call, *run_dir, "--json")
        assert done.returncode == 0, done.stderr
        assert [line["event"] for line in lines_of(done.stdout)] == ["held"]
        caller.wait_for("hold_changed")
        assert callee.wait_for("hold_changed")["remote"] is True
        assert listed(live, call)["local_hold"] is True
        table = offhook("calls", *run_dir).stdout
        assert {row.split()[3] for row in table.splitlines()[1:]} == {"local", "remote"}
        done = offhook("resume", call, *run_dir)
        assert done.stdout == f"resumed {call}\n"
        assert callee.wait_for("hold_changed", count=2)["remote"] is False
        assert listed(live, call)["local_hold"] is False


def test_what_cannot_be_held_is_one_line(live: Engine, tmp_path: Path) -> None:
    run_dir = ("--run-dir", live.run_dir)
    for words in (("hold", "nobody"), ("resume", "nobody")):
        done = offhook(*words, *run_dir)
        assert done.returncode == 1
        assert done.stderr.startswith(f"offhook {words[0]}: no call")
        assert len(done.stderr.splitlines()) == 1
    done = offhook("hold", "nobody", "--music", tmp_path / "none.wav", *run_dir)
    assert done.returncode == 1
    assert "no such file" in done.stderr
