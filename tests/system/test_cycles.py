"""A thousand times dial, answer, hold, resume, digits, blind transfer, hang up: nothing is left.

Two engines, both ours: the first places a call to the second, holds, resumes, sends digits and
sends its peer on to another user of the second engine, who answers.  Fifty at a time.
"""

import asyncio
import time
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

import offhook
from signaling.timers import SLACK
from tests.peers.engine import Engine

CYCLES = 1000
AT_A_TIME = 50
WARM = 500
"""Cycles after which everything has its working size: transactions last for half a minute."""
MEMORY_KB = 5000
"""That a process may have more in the end than warm; it levels off after some 2000 cycles."""
PORT_REST = 0.5
"""Seconds; a pair that nobody wanted for as long again is closed."""
PATIENCE = 60.0


@contextmanager
def engine(folder: Path) -> Generator[Engine]:
    settings = {"media.standbys": 0, "media.port_rest": PORT_REST, "log.trace_messages": 500}
    with Engine(folder, settings=settings) as started:
        started.wait_up()
        yield started


def footprint(engine: Engine) -> dict[str, dict[str, int]]:
    """Descriptors, mappings of shared memory, and memory in KB, of each process."""
    found: dict[str, dict[str, int]] = {}
    for name, pid in engine.processes().items():
        process = Path(f"/proc/{pid}")
        status = dict(
            line.split(":", 1)
            for line in (process / "status").read_text().splitlines()
            if ":" in line
        )
        maps = (process / "maps").read_text().splitlines()
        found[name] = {
            "descriptors": len(list((process / "fd").iterdir())),
            "shared mappings": sum(" rw-s " in line or " r--s " in line for line in maps),
            "KB": int(status["VmRSS"].split()[0]),
        }
    return found


async def quiet(client: offhook.Engine) -> None:
    """Return when signaling remembers nothing: the last transactions have run out."""
    until = time.monotonic() + PATIENCE
    while True:
        remembered = dict((await client.status()).remembered)
        if remembered.get("timers", 0) <= SLACK:
            remembered.pop("timers", None)  # of calls that are over, swept out in bulk
        streams = sum(worker.streams for worker in await client.workers())
        if not remembered and not streams:
            await asyncio.sleep(4 * PORT_REST)
            return
        assert time.monotonic() < until, f"left over: {remembered}, {streams} streams"
        await asyncio.sleep(0.5)


class Second:
    """What the second engine's application does: answer, be transferred, be reached."""

    def __init__(self, client: offhook.Engine) -> None:
        self.client = client
        self.digits = 0
        self.tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.answer())
            group.create_task(self.follow())

    async def answer(self) -> None:
        async with self.client.incoming("*") as calls:
            async for call in calls:
                self.keep(self.talk(call))

    async def talk(self, call: offhook.IncomingCall) -> None:
        await call.answer()
        async for _ in call.digits():
            self.digits += 1

    async def follow(self) -> None:
        async with self.client.transfers() as requests:
            async for request in requests:
                self.keep(self.go(request))

    async def go(self, request: offhook.TransferRequest) -> None:
        call = await request.accept(any_domain=True)
        await call.answered()
        await call.hang_up()

    def keep(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


async def cycle(first: offhook.Engine, sip: str) -> None:
    call = await first.dial(f"sip:bob@{sip}")
    await call.answered()
    await call.hold()
    await call.resume()
    await call.send_digits("5", duration_ms=50, gap_ms=50)
    await call.transfer(f"sip:carol@{sip}")
    await call.ended()


async def cycles(first: offhook.Engine, sip: str, count: int) -> None:
    left = iter(range(count))

    async def some() -> None:
        for _ in left:
            async with asyncio.timeout(PATIENCE):
                await cycle(first, sip)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_A_TIME):
            group.create_task(some())


async def thousand(one: Engine, two: Engine) -> None:
    async with (
        offhook.Engine.connect(one.run_dir) as first,
        offhook.Engine.connect(two.run_dir) as second,
    ):
        answering = Second(second)
        serving = asyncio.create_task(answering.serve())
        await asyncio.sleep(0.2)
        await cycles(first, two.sip, WARM)
        await asyncio.gather(quiet(first), quiet(second))
        before = {"one": footprint(one), "two": footprint(two)}
        await cycles(first, two.sip, CYCLES - WARM)
        await asyncio.gather(quiet(first), quiet(second))
        after = {"one": footprint(one), "two": footprint(two)}
        serving.cancel()
    compare(before, after)
    assert answering.digits == CYCLES


def compare(
    before: dict[str, dict[str, dict[str, int]]], after: dict[str, dict[str, dict[str, int]]]
) -> None:
    for engine, processes in after.items():
        for name, figures in processes.items():
            was = before[engine][name]
            grown = figures["KB"] - was["KB"]
            assert grown < MEMORY_KB, f"{engine}, {name} grew by {grown} KB: {was} -> {figures}"
            for what in ("descriptors", "shared mappings"):
                assert figures[what] <= was[what], f"{name}: {what} {was[what]} -> {figures[what]}"


@pytest.mark.timeout(300)
def test_a_thousand_cycles_leave_nothing(tmp_path: Path) -> None:
    with engine(tmp_path / "one") as one, engine(tmp_path / "two") as two:
        asyncio.run(thousand(one, two))
