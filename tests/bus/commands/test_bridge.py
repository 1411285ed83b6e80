from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bus.commands.running import Line, lines_of, offhook, talking
from tests.peers.engine import Engine


@contextmanager
def two_calls(live: Engine, folder: Path) -> Generator[list[str]]:
    """Let two calls be up; their names, as the callers know them."""
    with ExitStack() as stack:
        names: list[str] = []
        for name in ("one", "two"):
            (folder / name).mkdir()
            caller, _ = stack.enter_context(talking(live, folder / name))
            names.append(str(caller.of("dialled")[0]["call"]))
        yield names


def done(live: Engine, *words: str) -> Line:
    finished = offhook(*words, "--run-dir", live.run_dir, "--json")
    assert finished.returncode == 0, finished.stderr
    return lines_of(finished.stdout)[-1]


def test_two_calls_are_bridged_and_parted(live: Engine, tmp_path: Path) -> None:
    with two_calls(live, tmp_path) as (one, two):
        line = done(live, "bridge", one, two)
        assert (line["event"], line["call"], line["other"]) == ("bridged", one, two)
        assert done(live, "unbridge", two)["event"] == "unbridged"
        again = offhook("unbridge", one, "--run-dir", live.run_dir)
        assert again.returncode == 1
        assert again.stderr == f"offhook unbridge: call {one} is not bridged\n"


def test_what_cannot_be_bridged_is_one_line(live: Engine) -> None:
    refused = offhook("bridge", "nobody", "nobody", "--run-dir", live.run_dir)
    assert refused.returncode == 1
    assert refused.stderr == "offhook bridge: no call 'nobody'\n"
