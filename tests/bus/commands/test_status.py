from bus.calls import Status, WorkerInfo
from bus.commands.status import in_lines
from bus.gauges import Summary
from bus.ids import WorkerId
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
    media = Summary(
        scored=3,
        mos=4.4,
        mos_conversational=4.25,
        mos_least=3.11,
        loss_percent=0.5,
        jitter_ms=1.25,
        round_trip_ms=29.6,
    )
    assert in_lines(status, Summary(), 160.4).count("\n") == 4
    assert in_lines(status, media, 160.4).splitlines() == [
        "offhook 1.2, signaling pid 7, up 60 s",
        "listening on udp:127.0.0.1:5060",
        "1 calls now, 5 in all, 0 clients",
        "0 of 0 workers up",
        "3 streams heard: MOS 4.2 (least 3.1), loss 0.5 %, jitter 1.2 ms, round trip 30 ms",
        "bad_frames: 2",
    ]


def test_how_rtp_gets_in_and_out() -> None:
    workers = tuple(
        WorkerInfo(worker=WorkerId(name), state="up", pid=1, streams=0, capacity=1, backend=backend)
        for name, backend in (("w0", "uring"), ("w1", "portable"), ("w2", "uring"))
    )
    status = Status(
        version="1.2", pid=7, started_at=0.0, listeners=(), calls=0, calls_total=0, workers=workers
    )
    assert "3 of 3 workers up (portable, uring)" in in_lines(status, Summary(), 1.0).splitlines()


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
