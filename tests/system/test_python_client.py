"""The Python client with two real engines: one calls, the other is called, over loopback."""

import asyncio
import os
import wave
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

import offhook
from tests.bus.commands.running import PRIVATE_PORTS
from tests.peers.ports import free_port

Talk = Callable[[offhook.Engine, offhook.Engine], Awaitable[None]]


@asynccontextmanager
async def two_engines() -> AsyncGenerator[tuple[offhook.Engine, offhook.Engine], None]:
    async with (
        asyncio.timeout(50),
        offhook.Engine.launch() as caller,
        offhook.Engine.launch() as callee,
    ):
        yield caller, callee


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in PRIVATE_PORTS.items():
        monkeypatch.setenv(name, value)


def run(talk: Talk) -> None:
    async def scenario() -> None:
        async with two_engines() as (caller, callee):
            await talk(caller, callee)

    asyncio.run(scenario())


async def take(calls: offhook.IncomingCalls) -> offhook.IncomingCall:
    call = await anext(calls)
    await call.ring()
    await call.answer()
    return call


async def worker_is_back(engine: offhook.Engine) -> None:
    """Return when a worker has said hello to the new signaling."""
    while not await engine.workers():  # noqa: ASYNC110 - only asking tells
        await asyncio.sleep(0.01)


def pitch(path: Path, channel: int) -> float:
    """The strongest frequency of a channel, in Hz."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (2, 2)
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    voice = samples[:, channel].astype(np.float64)
    assert len(voice) > rate / 2
    return float(np.argmax(np.abs(np.fft.rfft(voice))) * rate / len(voice))


def test_tones_digits_and_recordings_both_ways(tmp_path: Path) -> None:
    async def talk(caller: offhook.Engine, callee: offhook.Engine) -> None:
        async with callee.incoming("bob") as calls:
            answering = asyncio.create_task(answer(calls))
            call = await caller.dial(callee.uri("bob"), play=offhook.Tone(440), record="caller.wav")
            await call.ringing()
            media = await call.answered()
            assert media.codec == "PCMU"
            assert call.state is offhook.CallState.UP
            await call.send_digits("12#")
            keys = call.digits()
            assert [await anext(keys) for _ in range(2)] == ["9", "*"]
            await asyncio.sleep(0.5)
            reading = await call.measure()
            assert reading is not None
            assert reading.quality.packets_received > 20
            assert -30 < reading.level_received < 0
            outcome = await call.hang_up("enough")
            assert isinstance(outcome, offhook.Completed)
            assert outcome.by == "local"
            assert outcome.record == str(tmp_path / "caller.wav")
            assert outcome.quality is not None
            assert outcome.quality.packets_lost == 0
            other, digits = await answering
            assert digits == "12#"
            assert isinstance(other.outcome, offhook.Completed)
            assert other.outcome.by == "remote"

    async def answer(calls: offhook.IncomingCalls) -> tuple[offhook.IncomingCall, str]:
        call = await anext(calls)
        await call.ring()
        await call.answer(play=offhook.Tone(1000), record=Path("callee.wav"))
        await call.send_digits("9*")
        return call, "".join([digit async for digit in call.digits()])

    run(talk)
    for name in ("caller.wav", "callee.wav"):  # the caller left, the callee right, on both sides
        assert abs(pitch(tmp_path / name, 0) - 440) < 3
        assert abs(pitch(tmp_path / name, 1) - 1000) < 3


def test_a_wave_is_played_to_its_end_and_changed_and_recorded_in_mid_call(tmp_path: Path) -> None:
    samples = (8000 * np.sin(2 * np.pi * 700 * np.arange(4800) / 8000)).astype("<i2")
    with wave.open("short.wav", "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())

    async def talk(caller: offhook.Engine, callee: offhook.Engine) -> None:
        async with callee.incoming() as calls:
            answering = asyncio.create_task(take(calls))
            call = await caller.dial(callee.uri("a"), play="short.wav")
            await call.answered()
            other = await answering
            await call.wait_played()
            await other.record("late.wav")
            await call.play(offhook.Tone(600))
            await asyncio.sleep(1)
            with pytest.raises(offhook.BadSourceError, match=r"none\.wav"):
                await call.play("none.wav")
            await other.record("")
            await call.hang_up()

    run(talk)
    assert abs(pitch(tmp_path / "late.wav", 0) - 600) < 3


def test_refusals_are_types(tmp_path: Path) -> None:
    async def talk(caller: offhook.Engine, callee: offhook.Engine) -> None:
        async with callee.incoming() as calls:
            for status, kind in (
                (486, offhook.Busy),
                (600, offhook.Busy),
                (603, offhook.Rejected),
                (403, offhook.Rejected),
                (488, offhook.MediaNotAcceptable),
                (480, offhook.NoAnswer),
            ):
                call = await caller.dial(callee.uri("a"))
                other = await anext(calls)
                await other.reject(status)
                with pytest.raises(kind) as caught:
                    await call.answered()
                assert isinstance(caught.value, offhook.CallFailed)
                assert caught.value.status == status
                assert other.state is offhook.CallState.ENDED

    run(talk)


def test_a_caller_is_redirected(tmp_path: Path) -> None:
    async def talk(caller: offhook.Engine, callee: offhook.Engine) -> None:
        async with callee.incoming("new") as new, callee.incoming("old") as old:
            answering = asyncio.create_task(take(new))
            call = await caller.dial(callee.uri("old"))
            other = await anext(old)
            await other.redirect(callee.uri("new"))
            assert isinstance(other.outcome, offhook.Redirected)
            await call.answered()
            await answering
            await call.hang_up()
            unfollowed = await caller.dial(callee.uri("old"), max_redirects=0)
            await (await anext(old)).redirect(callee.uri("new"))
            with pytest.raises(offhook.Rejected) as caught:
                await unfollowed.answered()
            assert caught.value.status == 302

    run(talk)


def test_cancelling_while_it_rings(tmp_path: Path) -> None:
    async def talk(caller: offhook.Engine, callee: offhook.Engine) -> None:
        async with callee.incoming() as calls:
            call = await caller.dial(callee.uri("a"))
            other = await anext(calls)
            await other.ring()
            await call.ringing()
            assert isinstance(await call.hang_up(), offhook.Cancelled)
            assert isinstance(await other.ended(), offhook.Cancelled)
            with pytest.raises(offhook.Cancelled):
                await other.answer()

    run(talk)


def test_nobody_answers_and_nobody_is_there(tmp_path: Path) -> None:
    async def talk(caller: offhook.Engine, callee: offhook.Engine) -> None:
        async with callee.incoming("slow") as calls:
            call = await caller.dial(callee.uri("slow"), ring_timeout=0.5)
            other = await anext(calls)
            await other.ring()
            with pytest.raises(offhook.NoAnswer):
                await call.answered()
            assert isinstance(await other.ended(), offhook.Cancelled)
        nobody = await caller.dial(callee.uri("nobody"))
        with pytest.raises(offhook.NoAnswer):
            await nobody.answered()
        nowhere = await caller.dial(f"sip:a@127.0.0.1:{free_port()};transport=tcp")
        with pytest.raises(offhook.Unreachable):
            await nowhere.answered()
        with pytest.raises(offhook.BadRequestError, match="uri"):
            await caller.dial("nonsense")

    run(talk)


def test_leaving_the_engine_hangs_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            asyncio.timeout(50),
            offhook.Engine.launch() as callee,
            callee.incoming() as calls,
        ):
            answering = asyncio.create_task(take(calls))
            async with offhook.Engine.launch() as caller:
                call = await caller.dial(callee.uri("a"))
                await call.answered()
            assert isinstance(call.outcome, offhook.Completed)
            assert isinstance(await (await answering).ended(), offhook.Completed)

    asyncio.run(scenario())


def test_signaling_is_killed_and_the_client_goes_on(tmp_path: Path) -> None:
    async def talk(caller: offhook.Engine, callee: offhook.Engine) -> None:
        async with callee.incoming() as calls:
            answering = asyncio.create_task(take(calls))
            call = await caller.dial(callee.uri("a"))
            await call.answered()
            await answering
            os.kill((await caller.status()).pid, 9)
            outcome = await call.ended()
            assert isinstance(outcome, offhook.Failed)
            assert outcome.reason == "engine lost"
            await worker_is_back(caller)
            again = asyncio.create_task(take(calls))
            call = await caller.dial(callee.uri("a"))
            await call.answered()
            await again
            await call.hang_up()

    run(talk)


def test_two_programs_share_an_engine(tmp_path: Path) -> None:
    """One takes calls, another places them; each hears of its own only, a third sees all."""

    async def scenario() -> None:
        async with (
            asyncio.timeout(50),
            offhook.Engine.launch() as first,
            offhook.Engine.connect(first.run_dir) as second,
            first.incoming() as calls,
        ):
            answering = asyncio.create_task(take(calls))
            call = await second.dial(second.uri("a"))
            await call.answered()
            other = await answering
            assert {info.call for info in await first.calls()} == {call.id, other.id}
            assert [each.id for each in first.own_calls] == [other.id]
            assert [each.id for each in second.own_calls] == [call.id]
            await call.hang_up()

    asyncio.run(scenario())


def test_workers_are_scaled(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with asyncio.timeout(50), offhook.Engine.launch() as engine:
            feed = engine.events(["worker"])
            await engine.scale(2)
            async for item in feed:
                if isinstance(item, offhook.Observed) and item.topic == "worker":
                    break
            assert len(await engine.workers()) == 2

    asyncio.run(scenario())
