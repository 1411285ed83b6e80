from pathlib import Path

from tests.bus.commands.running import offhook, talking
from tests.bus.commands.test_bridge import done
from tests.peers.engine import Engine


def test_sounds_are_played_and_queued(live: Engine, tmp_path: Path) -> None:
    with talking(live, tmp_path) as (caller, _):
        call = str(caller.of("dialled")[0]["call"])
        line = done(live, "play", call, "tone:440", "music")
        assert (line["event"], line["call"]) == ("playing", call)
        assert line["sources"] == ["tone:440", "music"]
        assert done(live, "play", call, "silence", "--queue")["event"] == "queued"


def test_what_cannot_be_played_is_one_line(live: Engine) -> None:
    refused = offhook("play", "nobody", "tone:1", "--run-dir", live.run_dir)
    assert refused.returncode == 1
    assert refused.stderr == "offhook play: tone:1: a tone is from 20 to below 4000 Hz\n"
    refused = offhook("play", "nobody", "music", "--run-dir", live.run_dir)
    assert refused.stderr == "offhook play: no call 'nobody'\n"
