from pathlib import Path

from tests.bus.commands.running import lines_of, offhook, talking
from tests.peers.engine import Engine


def test_both_legs_of_a_call_are_listed(live: Engine, tmp_path: Path) -> None:
    with talking(live, tmp_path) as (caller, callee):
        done = offhook("calls", "--run-dir", live.run_dir, "--json")
        lines = {line["call"]: line for line in lines_of(done.stdout)}
        out = lines[caller.of("dialled")[0]["call"]]
        came = lines[callee.of("incoming_call")[0]["call"]]
        assert (out["direction"], out["state"], out["codec"]) == ("out", "up", "PCMU")
        assert (came["direction"], came["worker"]) == ("in", "w0")
        assert {line["event"] for line in lines.values()} == {"call"}
        table = offhook("calls", "--run-dir", live.run_dir).stdout.splitlines()
        assert table[0].split()[:3] == ["CALL", "DIRECTION", "STATE"]
        assert {row.split()[0] for row in table[1:]} == set(lines)
