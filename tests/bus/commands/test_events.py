import signal
from pathlib import Path

from tests.bus.commands.running import Offhook, offhook, talking
from tests.peers.engine import Engine
from tests.peers.processes import eventually


def test_everything_is_seen_by_who_watches(live: Engine, tmp_path: Path) -> None:
    with Offhook(tmp_path, "events", "--sip", "--run-dir", live.run_dir) as watcher:
        eventually("the feed flows", lambda: sees_an_options(watcher, live, tmp_path))
        with talking(live, tmp_path) as (caller, _):
            call = caller.of("dialled")[0]["call"]
            offhook("hangup", "--all", "--run-dir", live.run_dir)
            caller.wait_for("ended")
        eventually("both ends are told", lambda: len(watcher.of("ended")) >= 2)
        told = [line["event"] for line in watcher.lines() if line["call"] == call]
        assert told[-2:] == ["answered", "ended"]
        texts = [str(line["text"]) for line in watcher.of("sip_message")]
        assert any(text.startswith("INVITE sip:someone@") for text in texts)
        assert not watcher.of("missed")
        watcher.signal(signal.SIGINT)
        assert watcher.wait(5) == 0
        assert "Traceback" not in watcher.output()


def sees_an_options(watcher: Offhook, live: Engine, folder: Path) -> bool:
    """A subscription takes an unknown moment: make calls nobody takes until one is seen."""
    with Offhook(folder, "call", f"sip:nobody@{live.sip}", "--run-dir", live.run_dir, log="n") as c:
        c.wait(10)
    return bool(watcher.lines())
