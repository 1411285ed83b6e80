"""Audio that goes through applications: real processes, RTP over loopback."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

import offhook
from bus.audio_rings import AudioRings
from tests.bus.commands.running import PRIVATE_PORTS
from tests.peers.hearing import check_hears
from tests.peers.processes import Running, eventually
from tools.sound import read_wav, tune, write_wav

ROOT = Path(__file__).parent.parent.parent
STALLING = """
import asyncio, sys, offhook
async def main():
    async with offhook.Engine.connect(sys.argv[1]) as engine:
        call = await engine.dial(sys.argv[2], on_owner_lost=offhook.OnOwnerLost.KEEP)
        await call.answered()
        async with call.audio() as audio:
            await audio.write(await anext(audio))
            print("stalls", flush=True)
            while True:
                pass
asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def _ports(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PRIVATE_PORTS.items():
        monkeypatch.setenv(name, value)


def run(talk: Callable[[offhook.Engine, offhook.Engine], Awaitable[None]]) -> None:
    async def scenario() -> None:
        async with (
            asyncio.timeout(50),
            offhook.Engine.launch() as caller,
            offhook.Engine.launch() as callee,
        ):
            await talk(caller, callee)

    asyncio.run(scenario())


async def send_back(call: offhook.IncomingCall, rate: int) -> None:
    await call.answer()
    async with call.audio(rate) as audio:
        async for frame in audio:
            await audio.write(frame)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_two_calls_at_once_are_sent_back_by_their_application(tmp_path: Path, rate: int) -> None:
    songs = [tune(3.0, seed) for seed in (1, 2)]
    files = [write_wav(tmp_path / f"{seed}.wav", song) for seed, song in enumerate(songs)]

    async def talk(caller: offhook.Engine, callee: offhook.Engine) -> None:
        async with callee.incoming() as incoming, asyncio.TaskGroup() as tasks:
            calls = [
                await caller.dial(
                    callee.uri("x"), play=file, record=tmp_path / f"heard-{file.name}"
                )
                for file in files
            ]
            for _ in calls:
                tasks.create_task(send_back(await anext(incoming), rate))
            for call in calls:
                await call.wait_played()
            await asyncio.sleep(0.3)
            for call in calls:
                await call.hang_up()

    run(talk)
    for song, file in zip(songs, files, strict=True):
        check_hears(song, read_wav(tmp_path / f"heard-{file.name}")[0][:, 1])


def test_an_application_that_stands_still_stops_no_packet(tmp_path: Path) -> None:
    async def talk(caller: offhook.Engine, callee: offhook.Engine) -> None:
        assert caller.run_dir is not None
        program = tmp_path / "stalling.py"
        program.write_text(STALLING)
        command: list[str | Path] = [sys.executable, program, caller.run_dir, callee.uri("x")]
        environ = {"PYTHONPATH": str(ROOT)}
        async with callee.incoming() as incoming:
            with Running(command, folder=tmp_path, environ=environ) as stalling:
                call = await anext(incoming)
                await call.answer(play=offhook.Tone(440))
                await asyncio.to_thread(
                    eventually, "it stalls", lambda: "stalls" in stalling.output(), seconds=20
                )
                before = await call.measure()
                await asyncio.sleep(3)
                after = await call.measure()
                assert before is not None
                assert after is not None
                came = after.quality.packets_received - before.quality.packets_received
                assert 130 < came < 170
                assert after.quality.packets_lost == 0
        await call.hang_up()

    run(talk)


def test_an_application_that_scribbles_harms_no_worker() -> None:
    """It cannot make the memory shorter, and nonsense in it is nonsense for its own call alone."""

    async def talk(caller: offhook.Engine, callee: offhook.Engine) -> None:
        async with callee.incoming() as incoming:
            call, other = [await caller.dial(callee.uri("x")) for _ in range(2)]
            for _ in range(2):
                await (await anext(incoming)).answer(play=offhook.Tone(440))
            await call.answered()
            await other.answered()
            (worker,) = await caller.workers()
            random = np.random.default_rng(1)
            async with call.audio():
                with pytest.raises(PermissionError):
                    os.truncate(worker.audio, 0)
                rings = AudioRings.open(Path(worker.audio), write=True)
                for _ in range(50):
                    for name in ("heard_written", "said_written", "said_read", "rate"):
                        column = getattr(rings, name)
                        column[:] = np.frombuffer(random.bytes(column.nbytes), column.dtype)
                    await asyncio.sleep(0.02)
            reading = await other.measure()
            assert reading is not None
            assert reading.quality.packets_lost == 0
            assert [each.pid for each in await caller.workers()] == [worker.pid]
            for each in (call, other):
                assert isinstance(await each.hang_up(), offhook.Completed)

    run(talk)
