from pathlib import Path

from tests.bus.commands.running import lines_of, offhook
from tests.bus.commands.test_bridge import done, two_calls
from tests.peers.engine import Engine


def test_a_conference_is_opened_joined_heard_and_ended(live: Engine, tmp_path: Path) -> None:
    with two_calls(live, tmp_path) as (one, two):
        name = str(done(live, "conference", "open")["conference"])
        done(live, "conference", "join", name, one)
        line = done(live, "conference", "join", name, two, "--role", "whisper", "--to", one)
        assert (line["event"], line["call"]) == ("conference_join", two)
        listed = done(live, "conference", "list")
        assert (listed["conference"], listed["members"]) == (name, [one, two])
        told = offhook("conference", "list", "--run-dir", live.run_dir).stdout
        assert told == f"{name} on w0: {one} (speak), {two} (whisper {one})\n"
        record = tmp_path / "all.wav"
        done(live, "conference", "record", name, str(record))
        done(live, "conference", "play", name, "tone:880")
        done(live, "conference", "record", name, "")
        assert record.stat().st_size >= 44
        done(live, "conference", "leave", two)
        done(live, "conference", "end", name)
        gone = offhook("conference", "list", "--run-dir", live.run_dir, "--json")
        assert lines_of(gone.stdout) == []


def test_what_is_wrong_is_one_line(live: Engine) -> None:
    for words, why in (
        (("end", "none"), "no conference 'none'"),
        (("join", "none"), "join takes 2 words, not 1"),
        (("leave", "nobody"), "no call 'nobody'"),
    ):
        refused = offhook("conference", *words, "--run-dir", live.run_dir)
        assert refused.returncode == 1
        assert refused.stderr == f"offhook conference: {why}\n"
