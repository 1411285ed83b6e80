import asyncio
import os
import sys
from pathlib import Path

import pytest

import bus
from bus.engine import Engine
from bus.errors import LaunchError
from bus.launching import Launched, environment, launched
from tests.bus.commands.running import PRIVATE_PORTS
from tests.bus.waiting import until

SIP = ("udp:127.0.0.1:0",)


@pytest.fixture(autouse=True)
def _ports(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PRIVATE_PORTS.items():
        monkeypatch.setenv(name, value)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def arguments(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def test_settings_become_variables_and_children_find_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    environ = environment({"media.realtime": False, "sip.t1": 0.2, "log.level": "debug"})
    assert environ["OFFHOOK__MEDIA__REALTIME"] == "false"
    assert environ["OFFHOOK__SIP__T1"] == "0.2"
    assert environ["OFFHOOK__LOG__LEVEL"] == "debug"
    home = Path(bus.__file__).parent.parent
    assert environ["PYTHONPATH"] == f"{home}{os.pathsep}/elsewhere"


def test_it_is_up_in_the_block_and_gone_after_it() -> None:
    async def scenario() -> None:
        async with launched(workers=2, sip=SIP, settings={}) as engine:
            assert engine.up.workers == ("w0", "w1")
            assert engine.up.listeners[0].startswith("udp:127.0.0.1:")
            assert engine.run_dir.stat().st_mode & 0o777 == 0o700
        assert engine.process.returncode == 0
        assert not engine.run_dir.exists()

    asyncio.run(scenario())


def test_it_is_gone_after_an_error_in_the_block() -> None:
    async def scenario() -> None:
        seen: list[Launched] = []
        with pytest.raises(ZeroDivisionError):
            async with launched(workers=1, sip=SIP, settings={}) as engine:
                seen.append(engine)
                raise ZeroDivisionError
        assert seen[0].process.returncode == 0
        assert not seen[0].run_dir.exists()

    asyncio.run(scenario())


def test_it_is_gone_after_a_cancellation_even_a_second_one() -> None:
    async def scenario() -> None:
        started: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def use() -> None:
            async with launched(workers=1, sip=SIP, settings={}) as engine:
                started.set_result(engine.process.pid)
                await asyncio.sleep(60)

        using = asyncio.create_task(use())
        pid = await started
        using.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        using.cancel()
        with pytest.raises(asyncio.CancelledError):
            await using
        assert not is_alive(pid)

    asyncio.run(scenario())


def test_a_wrong_setting_is_a_launch_error_that_quotes_the_reason() -> None:
    async def scenario() -> None:
        async with Engine.launch(settings={"media.worker": 3}):
            pass

    with pytest.raises(LaunchError, match=r"(?s)exit code 1.*OFFHOOK__MEDIA__WORKER\b"):
        asyncio.run(scenario())


def test_a_listener_that_cannot_be_had_is_a_launch_error() -> None:
    async def scenario() -> None:
        async with Engine.launch(sip=("udp:192.0.2.1:5060",)):
            pass

    with pytest.raises(LaunchError, match=r"192\.0\.2\.1"):
        asyncio.run(scenario())


def test_its_death_ends_what_waits() -> None:
    async def scenario() -> None:
        async with Engine.launch() as engine:
            waiting = asyncio.create_task(anext(engine.incoming(), None))
            processes = await engine.processes()
            assert {process.role for process in processes} >= {"signaling", "worker"}
            [signaling] = [each.pid for each in processes if each.role == "signaling"]
            os.kill(signaling, 9)
            await until(lambda: not is_alive(signaling))
            assert not waiting.done()
            waiting.cancel()

    asyncio.run(scenario())


def test_the_interpreter_is_ours() -> None:
    """The engine must run where this program runs, not what ``python`` happens to be."""

    async def scenario() -> None:
        async with launched(workers=1, sip=SIP, settings={}) as engine:
            command = arguments(engine.process.pid)
            assert command[0].decode() == sys.executable
            assert command[1:4] == [b"-P", b"-m", b"bus"]

    asyncio.run(scenario())
