import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.bus.commands.running import OFFHOOK, Offhook, environment, lines_of, offhook
from tests.peers.processes import eventually

SIP = ("--sip", "udp:127.0.0.1:0")


def test_the_first_line_is_up_and_sigterm_ends_it(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    with Offhook(tmp_path, "up", "--run-dir", run_dir, "--workers", "2", *SIP) as engine:
        engine.wait_for("up")
        line = engine.lines()[0]
        assert (line["event"], line["run_dir"], line["pid"]) == ("up", str(run_dir), engine.pid)
        assert line["workers"] == ["w0", "w1"]
        assert str(line["listeners"]).startswith("['udp:127.0.0.1:")
        assert engine.stop(20) == 0
    assert not run_dir.exists()


def test_with_stdin_it_ends_with_the_pipe(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    words = ["up", "--json", "--with-stdin", "--workers", "1", "--run-dir", str(run_dir), *SIP]
    with subprocess.Popen(
        [*OFFHOOK, *words], env=environment({}), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as engine:
        assert engine.stdin is not None
        assert engine.stdout is not None
        try:
            assert b'"up"' in engine.stdout.readline()
            engine.stdin.close()
            assert engine.wait(20) == 0
        finally:
            engine.kill()
    assert not run_dir.exists()


def test_an_engine_dies_with_a_python_program_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import asyncio, offhook\n"
        "async def main():\n"
        "    async with offhook.Engine.launch() as engine:\n"
        "        print(engine.run_dir, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment({"TMPDIR": str(tmp_path)}),
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        run_dir = Path(program.stdout.readline().strip())
        assert run_dir.exists()
        os.kill(program.pid, signal.SIGKILL)
        program.wait()
    eventually("the engine is gone and has cleaned up", lambda: not run_dir.exists(), seconds=20)


def test_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    missing = offhook("up", "--config", tmp_path / "none.toml")
    assert missing.returncode == 1
    assert "none.toml" in missing.stderr
    wrong = offhook("up", "--sip", "udp:nowhere", "--run-dir", tmp_path / "run", "--json")
    assert wrong.returncode == 1
    assert not lines_of(wrong.stdout)
    assert "udp:nowhere" in wrong.stderr
    assert "Traceback" not in wrong.stderr
