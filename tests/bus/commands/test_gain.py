from pathlib import Path

from tests.bus.commands.running import offhook, talking
from tests.bus.commands.test_bridge import done
from tests.peers.engine import Engine


def test_a_call_is_turned_muted_and_unmuted(live: Engine, tmp_path: Path) -> None:
    with talking(live, tmp_path) as (caller, _):
        call = str(caller.of("dialled")[0]["call"])
        line = done(live, "gain", call, "-6", "--sent", "--received")
        assert (line["event"], line["call"]) == ("turned", call)
        assert (line["sent"], line["received"]) == (-6.0, -6.0)
        line = done(live, "mute", call)
        assert (line["event"], line["directions"]) == ("muted", ["received"])
        line = done(live, "unmute", call, "--sent")
        assert (line["event"], line["directions"]) == ("unmuted", ["sent"])


def test_what_cannot_be_turned_is_one_line(live: Engine, tmp_path: Path) -> None:
    with talking(live, tmp_path) as (caller, _):
        call = str(caller.of("dialled")[0]["call"])
        for words, why in (
            (("gain", call, "99"), "received: 99.0 dB is not up to 40"),
            (("gain", call, "loud"), "'loud' is no number of dB"),
            (("mute", "nobody"), "no call 'nobody'"),
        ):
            refused = offhook(*words, "--run-dir", live.run_dir)
            assert refused.returncode == 1
            assert refused.stderr == f"offhook {words[0]}: {why}\n"
