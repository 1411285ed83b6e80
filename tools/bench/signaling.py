"""What a call costs in signaling: SIPp's own ``uac`` calls an engine whose application answers.

Each call is INVITE, 180, 200, ACK, BYE, 200, with a stream opened and closed on a worker; each has
its own description.  All processes of the engine share one core; SIPp and the application have
another.  The figures are CPU milliseconds a call of each process and all its threads, from the
scheduler's own account (/proc/PID/task/*/schedstat), from the first call until the streams of the
last are closed: ticks and silence sent meanwhile are in them.  The application's cost is shown
beside, not added.  What the engine needs when there is no call is measured before.

In the same run SIPp calls a bare Python responder on the same core, which keeps no state and only
receives and answers.  A run is void if a call failed, if more than 1 % of the messages were sent
again, or if a worker heard more than two requests a call.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

import offhook
from tools.bench.rig import BenchError, Cores, pinned

RESPONDER: Final = Path(__file__).with_name("responder.py")
SETTLE: Final = 1.0
"""Seconds after the last call in which streams are closed, and before the first."""
STARTING: Final = 0.2
"""Share of a core that processes which are still starting take at least."""
AGAIN: Final = 0.01
"""Share of messages sent again from which on a rate is not held."""
MESSAGES: Final = 3
"""That SIPp sends a call: INVITE, ACK, BYE."""


class Result(msgspec.Struct, kw_only=True):
    """One run."""

    calls: int
    rate: int
    achieved: float
    """Calls a second."""
    failed: int
    retransmissions: int
    worker_requests: float
    """A call."""
    cpu_ms_per_call: dict[str, float]
    """By process of the engine."""
    total_ms_per_call: float
    idle_ms_per_second: float
    """Of all of them, without calls."""
    application_ms_per_call: float
    responder_ms_per_call: float
    void: str


class Load(NamedTuple):
    """What SIPp counted."""

    failed: int
    again: int
    rate: float


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its living threads."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # it has just ended
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def below(pid: int) -> Iterator[int]:
    """Yield a process and all its descendants."""
    yield pid
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            yield from below(int(child))


async def named(engine: offhook.Engine) -> dict[int, str]:
    """Return all processes of an engine and what each is."""
    known = {process.pid: process.name for process in await engine.processes()}
    supervisor = parent_of(next(iter(known)))
    names: dict[int, str] = {}
    for pid in below(supervisor):
        name = known.get(pid) or f"{names.get(parent_of(pid), '')} files".strip()
        names[pid] = "supervisor" if pid == supervisor else name
    return names


def parent_of(pid: int) -> int:
    """Return the process above."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def answer_all(engine: offhook.Engine) -> None:
    """Be the application: let it ring and answer, whoever calls, with silence."""
    async with asyncio.TaskGroup() as group:
        async for call in engine.incoming():
            group.create_task(answer(call))


async def answer(call: offhook.IncomingCall) -> None:
    """Answer one call; its caller may be quicker to hang up."""
    with contextlib.suppress(offhook.OffhookError, offhook.CallFailed):
        await call.ring()
        await call.answer()


async def measure(calls: int, rate: int, workers: int, hold: int) -> Result:
    """Run SIPp against the bare responder, then against an engine of our own."""
    cores = Cores.choose()
    os.sched_setaffinity(0, {cores.rest})
    bare = await bare_responder(cores, calls, rate, hold)
    async with offhook.Engine.launch(workers=workers) as engine:
        port = next(text.rpartition(":")[2] for text in engine.listeners if text.startswith("udp:"))
        application = asyncio.create_task(answer_all(engine))
        await asyncio.sleep(SETTLE)  # until the supervisor knows its standbys
        names = await named(engine)
        confine(list(names), cores.subject)
        idle = await idle_share(list(names))
        before, own = {pid: cpu_seconds(pid) for pid in names}, cpu_seconds(os.getpid())
        load = await sipp(int(port), calls, rate, hold)
        await asyncio.sleep(SETTLE)
        used = {name: cpu_seconds(pid) - before[pid] for pid, name in names.items()}
        own = cpu_seconds(os.getpid()) - own
        asked = (await engine.status()).counters.get("worker_requests", 0) / calls
        application.cancel()
    each = {name: round(1000 * seconds / calls, 3) for name, seconds in used.items()}
    return Result(
        calls=calls,
        rate=rate,
        achieved=load.rate,
        failed=load.failed,
        retransmissions=load.again,
        worker_requests=round(asked, 2),
        cpu_ms_per_call=each,
        total_ms_per_call=round(1000 * sum(used.values()) / calls, 3),
        idle_ms_per_second=round(1000 * idle, 1),
        application_ms_per_call=round(1000 * own / calls, 3),
        responder_ms_per_call=round(1000 * bare / calls, 3),
        void=objection(load, calls, asked),
    )


async def idle_share(pids: list[int]) -> float:
    """Wait until all of them have started; return the share of a core they need without calls."""
    share = 1.0
    while share > STARTING:
        before = sum(map(cpu_seconds, pids))
        await asyncio.sleep(SETTLE)
        share = (sum(map(cpu_seconds, pids)) - before) / SETTLE
    return share


def objection(load: Load, calls: int, asked: float) -> str:
    """Say why a run counts for nothing, nothing if it does."""
    if load.failed:
        return f"{load.failed} calls failed"
    if load.again > AGAIN * MESSAGES * calls:
        return f"{load.again} messages were sent again"
    return f"{asked:.2f} worker requests a call" if asked > 2 else ""


def confine(pids: list[int], core: int) -> None:
    """Put every thread of some processes on one core."""
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


async def bare_responder(cores: Cores, calls: int, rate: int, hold: int) -> float:
    """Return the CPU seconds that a program needs which only receives and answers."""
    with pinned(cores.subject):
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(RESPONDER), stdout=asyncio.subprocess.PIPE
        )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        before = cpu_seconds(process.pid)
        load = await sipp(port, calls, rate, hold)
        if load.failed:
            raise BenchError(f"{load.failed} calls of the bare responder failed")
        return cpu_seconds(process.pid) - before
    finally:
        process.kill()
        await process.wait()


async def sipp(port: int, calls: int, rate: int, hold: int) -> Load:
    """Call so often, each for ``hold`` ms."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        statistics, scenario = Path(folder) / "calls.csv", Path(folder) / "uac.xml"
        scenario.write_text(await own_scenario())
        command = ["sipp", f"127.0.0.1:{port}", "-sf", str(scenario), "-i", "127.0.0.1", "-nostdin"]
        command += ["-m", str(calls), "-r", str(rate), "-l", str(calls), "-d", str(hold)]
        command += ["-timeout", f"{calls // rate + 30}s", "-timeout_error"]
        command += ["-trace_stat", "-stf", str(statistics), "-fd", "1"]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        await process.wait()
        lines = statistics.read_text().splitlines()
    last = dict(zip(lines[0].split(";"), lines[-1].split(";"), strict=False))
    return Load(
        failed=calls - int(last["SuccessfulCall(C)"]),
        again=int(last["Retransmissions(C)"]),
        rate=float(last["CallRate(C)"]),
    )


async def own_scenario() -> str:
    """Return SIPp's own caller, with another session id in the description of each call."""
    try:
        process = await asyncio.create_subprocess_exec(
            "sipp", "-sd", "uac", stdout=asyncio.subprocess.PIPE
        )
    except FileNotFoundError:
        raise BenchError("SIPp is missing: apt-get install -y sip-tester") from None
    written, _ = await process.communicate()
    return written.decode().replace("o=user1 53655765", "o=user1 5365[call_number]")


def table(result: Result) -> str:
    """Return the result for people."""
    rows = [f"  {name:<12} {ms:8.3f} CPU-ms a call" for name, ms in result.cpu_ms_per_call.items()]
    times = result.total_ms_per_call / result.responder_ms_per_call
    bare = f"(receives and answers, nothing else; the engine is {times:.1f} times as dear)"
    return "\n".join(
        [
            f"{result.calls} calls at {result.rate} a second, all processes on one core",
            *rows,
            f"  {'all':<12} {result.total_ms_per_call:8.3f} CPU-ms a call",
            f"  without calls {result.idle_ms_per_second:.1f} CPU-ms a second",
            f"  {'application':<12} {result.application_ms_per_call:8.3f} (not of the engine)",
            f"  {'bare Python':<12} {result.responder_ms_per_call:8.3f} {bare}",
            f"  {result.achieved:.1f} calls a second, {result.failed} failed, "
            f"{result.retransmissions} messages sent again, "
            f"{result.worker_requests:.2f} worker requests a call",
            *([f"  VOID: {result.void}"] if result.void else []),
        ]
    )


def main(arguments: list[str]) -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(prog="tools/bench signaling", description=__doc__)
    parser.add_argument("--calls", type=int, default=3000, metavar="N")
    parser.add_argument("--rate", type=int, default=300, metavar="R", help="calls a second")
    parser.add_argument("--hold", type=int, default=0, metavar="MS", help="length of a call")
    parser.add_argument("--workers", type=int, default=1, metavar="N")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        result = asyncio.run(measure(given.calls, given.rate, given.workers, given.hold))
    except (BenchError, offhook.OffhookError) as error:
        sys.stderr.write(f"bench signaling: {error}\n")
        return 1
    print(json.dumps(msgspec.to_builtins(result)) if given.json else table(result))
    return 1 if result.void else 0
