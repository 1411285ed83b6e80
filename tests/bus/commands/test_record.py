from pathlib import Path

from tests.bus.commands.running import offhook, talking
from tests.bus.commands.test_bridge import done
from tests.peers.engine import Engine


def test_a_call_is_recorded_with_a_pause(live: Engine, tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    with talking(live, tmp_path) as (caller, _):
        call = str(caller.of("dialled")[0]["call"])
        line = done(live, "record", call, str(path), "--layout", "mixed")
        assert (line["event"], line["path"]) == ("recording_started", str(path))
        assert done(live, "record", call, "--pause")["event"] == "recording_paused"
        assert done(live, "record", call, "--resume")["event"] == "recording_resumed"
        assert done(live, "record", call, "--stop")["event"] == "recording_stopped"
        assert path.stat().st_size >= 44


def test_what_cannot_be_recorded_is_one_line(live: Engine) -> None:
    for words, why in (
        (("nobody", "--stop"), "no call 'nobody'"),
        (("nobody",), "one of FILE.wav, --pause, --resume and --stop is to be said"),
    ):
        refused = offhook("record", *words, "--run-dir", live.run_dir)
        assert refused.returncode == 1
        assert refused.stderr == f"offhook record: {why}\n"
