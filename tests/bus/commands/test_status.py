from bus.calls import Status
from bus.commands.status import in_lines
from tests.bus.commands.running import lines_of, offhook
from tests.peers.engine import Engine


def test_in_a_glance() -> None:
    status = Status(
        version="1.2",
        pid=7,
        started_at=100.0,
        listeners=("udp:127.0.0.1:5060",),
        calls=1,
        calls_total=5,
        workers=(),
        counters={"bad_frames": 2},
    )
    assert in_lines(status, 160.4).splitlines() == [
        "offhook 1.2, signaling pid 7, up 60 s",
        "listening on udp:127.0.0.1:5060",
        "1 calls now, 5 in all, 0 clients",
        "0 of 0 workers up",
        "bad_frames: 2",
    ]


def test_of_a_running_engine(live: Engine) -> None:
    done = offhook("status", "--run-dir", live.run_dir, "--json")
    [line] = lines_of(done.stdout)
    assert (done.returncode, line["event"], line["call"]) == (0, "status", "")
    assert line["pid"] == live.pid_of("signaling")
    assert f"udp:{live.sip}" in str(line["listeners"])
    assert "1 of 1 workers up" in offhook("status", "--run-dir", live.run_dir).stdout


def test_of_the_engine_in_the_default_place(live: Engine) -> None:
    link = live.run_dir.parent / "offhook"
    link.symlink_to(live.run_dir)
    done = offhook("status", "--json", XDG_RUNTIME_DIR=str(live.run_dir.parent))
    assert done.returncode == 0, done.stderr
    link.unlink()
