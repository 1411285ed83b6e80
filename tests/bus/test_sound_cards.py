"""With real processes and, but for what is missing, a real sound server."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import pytest

from bus.devices import RINGER, DeviceError, Lost, Opened
from bus.sound_cards import DeviceProcess, check_device, list_devices, ringing
from tests.peers.sound_server import SoundServer


def run(scenario: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 50))


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundServer]:
    with SoundServer("anna") as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        yield server


class Ringer(DeviceProcess):
    """A process that is looked after, and what was told of it."""

    def __init__(self, device: str = "anna_speaker") -> None:
        self.heard: asyncio.Queue[Opened | Lost] = asyncio.Queue()
        super().__init__(RINGER, device, (), self.heard.put_nowait)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid


@pytest.mark.peer("sound")
def test_devices_are_listed_and_chosen(cards: SoundServer) -> None:
    async def scenario() -> None:
        names = [device.name for device in await list_devices()]
        assert {"anna_speaker", "anna_microphone", "default"} <= set(names)
        assert (await check_device("feed", output=True)).name == "feed_anna"
        assert (await check_device("", output=False)).name == "default"
        with pytest.raises(DeviceError, match="no output device 'bob'"):
            await check_device("bob", output=True)

    run(scenario)


@pytest.mark.peer("sound")
def test_a_process_is_there_for_the_block(cards: SoundServer) -> None:
    async def scenario() -> None:
        ringer = Ringer()
        await ringer.start()
        opened = await ringer.heard.get()
        assert opened == Opened("anna_speaker", 48000)
        pid = ringer.pid
        await ringer.use("feed_anna")
        assert await ringer.heard.get() == Opened("feed_anna", 48000)
        assert ringer.pid == pid
        with pytest.raises(DeviceError, match="bob"):
            await ringer.use("bob")
        await ringer.stop()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        async with ringing("anna_speaker"):
            pass
        with pytest.raises(DeviceError, match="no output device 'bob'"):
            async with ringing("bob"):
                pass

    run(scenario)


@pytest.mark.peer("sound")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_dies_or_hangs_is_replaced(cards: SoundServer, how: signal.Signals) -> None:
    async def scenario() -> None:
        ringer = Ringer()
        await ringer.start()
        await ringer.heard.get()
        pid = ringer.pid
        os.kill(pid, how)
        lost = await ringer.heard.get()
        assert lost == Lost(
            "anna_speaker", "it hung" if how is signal.SIGSTOP else "its process ended with -9"
        )
        assert await ringer.heard.get() == Opened("anna_speaker", 48000)
        assert ringer.pid != pid
        await ringer.stop()

    run(scenario)


def test_without_portaudio_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As ``sounddevice`` is where PortAudio is not."""
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    async def scenario() -> None:
        for attempt in (list_devices, Ringer().start):
            with pytest.raises(DeviceError, match="apt-get install libportaudio2"):
                await attempt()

    run(scenario)
