"""What a call costs in signaling: SIPp's own ``uac`` calls an engine whose application answers.

Each call is INVITE, 180-less 200, ACK, BYE, 200, with a stream opened and closed on a worker.  The
figures are CPU milliseconds a call for each process of the engine, from /proc, and how many calls a
second one core of signaling would carry at that price.  A run is void if SIPp counts a failed call.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

import offhook
from tools.bench.rig import BenchError

TICK: Final = os.sysconf("SC_CLK_TCK")
SETTLE: Final = 1.0
"""Seconds after the last call in which streams are closed."""


class Result(msgspec.Struct, kw_only=True):
    """One run."""

    calls: int
    rate: int
    failed: int
    retransmissions: int
    cpu_ms_per_call: dict[str, float]
    """By process: signaling, w0 ..."""
    total_ms_per_call: float
    calls_per_second_per_core: float
    """Of signaling alone."""
    valid: bool


def cpu_seconds(pid: int) -> float:
    """Return the CPU time a process has used, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


async def answer_all(engine: offhook.Engine) -> None:
    """Be the application: answer whoever calls with silence."""
    async for call in engine.incoming():
        try:
            await call.answer()
        except offhook.OffhookError:
            continue  # its caller was quicker to hang up


async def measure(calls: int, rate: int, workers: int) -> Result:
    """Run SIPp against an engine of our own and count."""
    async with offhook.Engine.launch(workers=workers) as engine:
        port = next(text.rpartition(":")[2] for text in engine.listeners if text.startswith("udp:"))
        application = asyncio.create_task(answer_all(engine))
        processes = {p.name: p.pid for p in await engine.processes() if p.role != "standby"}
        idle = {name: cpu_seconds(pid) for name, pid in processes.items()}
        failed, again = await sipp(int(port), calls, rate)
        await asyncio.sleep(SETTLE)
        used = {name: cpu_seconds(pid) - idle[name] for name, pid in processes.items()}
        application.cancel()
    each = {name: 1000 * seconds / calls for name, seconds in used.items()}
    return Result(
        calls=calls,
        rate=rate,
        failed=failed,
        retransmissions=again,
        cpu_ms_per_call={name: round(ms, 3) for name, ms in each.items()},
        total_ms_per_call=round(sum(each.values()), 3),
        calls_per_second_per_core=round(1000 / each["signaling"], 1),
        valid=failed == 0,
    )


async def sipp(port: int, calls: int, rate: int) -> tuple[int, int]:
    """Call so often; return how many calls failed and how many messages were sent again."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        statistics = Path(folder) / "calls.csv"
        command = ["sipp", f"127.0.0.1:{port}", "-sn", "uac", "-i", "127.0.0.1", "-nostdin"]
        command += ["-m", str(calls), "-r", str(rate), "-l", str(calls), "-d", "100"]
        command += ["-timeout", f"{calls // rate + 30}s", "-timeout_error"]
        command += ["-trace_stat", "-stf", str(statistics), "-fd", "1"]
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
            )
        except FileNotFoundError:
            raise BenchError("SIPp is missing: apt-get install -y sip-tester") from None
        await process.wait()
        lines = statistics.read_text().splitlines()
    last = dict(zip(lines[0].split(";"), lines[-1].split(";"), strict=False))
    made = int(last["SuccessfulCall(C)"])
    return calls - made, int(last["Retransmissions(C)"])


def table(result: Result) -> str:
    """Return the result for people."""
    rows = [f"  {name:<12} {ms:8.3f} CPU-ms a call" for name, ms in result.cpu_ms_per_call.items()]
    verdict = "" if result.valid else f"   VOID: {result.failed} calls failed"
    return "\n".join(
        [
            f"{result.calls} calls at {result.rate} a second{verdict}",
            *rows,
            f"  {'all':<12} {result.total_ms_per_call:8.3f} CPU-ms a call",
            f"  one core of signaling carries {result.calls_per_second_per_core} calls a second",
        ]
    )


def main(arguments: list[str]) -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(prog="tools/bench signaling", description=__doc__)
    parser.add_argument("--calls", type=int, default=1000, metavar="N")
    parser.add_argument("--rate", type=int, default=50, metavar="R", help="calls a second")
    parser.add_argument("--workers", type=int, default=1, metavar="N")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        result = asyncio.run(measure(given.calls, given.rate, given.workers))
    except (BenchError, offhook.OffhookError) as error:
        sys.stderr.write(f"bench signaling: {error}\n")
        return 1
    print(json.dumps(msgspec.to_builtins(result)) if given.json else table(result))
    return 0 if result.valid else 1
