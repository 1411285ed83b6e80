import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from bus.commands.reaching import chosen, interrupted, local_address, running_engine, runs_in
from bus.errors import EngineLostError


def test_the_run_directory_is_the_flag_or_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert chosen(None) == tmp_path / "offhook"
    assert chosen(tmp_path) == tmp_path


def test_an_engine_runs_where_somebody_listens(tmp_path: Path) -> None:
    assert not runs_in(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "control.sock"))
        listener.listen()
        assert runs_in(tmp_path)
    assert not runs_in(tmp_path)  # the file is left, nobody listens


def test_no_engine_says_where_and_what_to_do(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_engine(tmp_path):
            pass

    with pytest.raises(EngineLostError, match=f"no engine runs in {tmp_path}.*offhook up"):
        asyncio.run(scenario())


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("no.such.host.invalid", "127.0.0.1")],
)
def test_our_address_towards_a_host(host: str, address: str) -> None:
    assert local_address(host) == address


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_cancels(number: signal.Signals) -> None:
    async def scenario() -> None:
        asked = interrupted()
        os.kill(os.getpid(), number)
        await asked.wait()
        os.kill(os.getpid(), number)
        await asyncio.sleep(10)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(scenario())
