"""How much delay a worker adds: from the moment a loud packet is sent to it until it comes back.

loadgen sends silence and, once a second and call, one packet of noise; the worker echoes.  What is
measured is receiving, the jitter buffer, the tick, and sending; a packet's own 20 ms are not in it.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import msgspec

from bus.sources import Echo
from tools.bench.rig import BenchError, Cores, FarEnd, calls_file, compiled, subject


class Delay(msgspec.Struct):
    """In ms."""

    n: int
    mean: float
    min: float
    p50: float
    p95: float
    p99: float
    max: float


class Report(msgspec.Struct):
    """What loadgen measured."""

    echo_ms: Delay
    seq_gaps: int
    silent_calls: int


def measure(calls: int, seconds: float, warm: float, folder: Path) -> Report:
    """Run one measurement."""
    cores = Cores.choose()
    program = compiled("loadgen", ["-lm"], folder)
    with subject(cores, calls, realtime=True) as worker:
        ports = worker.open(calls, Echo())
        options = ["-e", "-f", str(calls_file(folder, ports)), "-w", str(warm), "-d", str(seconds)]
        far_end = FarEnd(program, cores, options)
        try:
            while far_end.running():
                worker.serve(0.1)
            return msgspec.convert(far_end.report(), Report)
        finally:
            far_end.end()


def main(words: list[str]) -> int:
    """Entry point: ``echo``."""
    parser = argparse.ArgumentParser(prog="bench echo", description=__doc__)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=15.0, help="measured")
    parser.add_argument(
        "--warm", type=float, default=15.0, help="seconds before, in which jitter buffers settle"
    )
    parser.add_argument("--json", action="store_true", help="print one object instead of a table")
    arguments = parser.parse_args(words)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            report = measure(arguments.calls, arguments.seconds, arguments.warm, Path(folder))
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    delay = report.echo_ms
    if arguments.json:
        found = {"bench": "echo", "calls": arguments.calls, **msgspec.to_builtins(report)}
        print(json.dumps(found))
    else:
        print(" calls | echoes | delay in ms: min    p50    p95    p99    max")
        print(
            f" {arguments.calls:5d}   {delay.n:6d}   {delay.min:16.2f} {delay.p50:6.2f} "
            f"{delay.p95:6.2f} {delay.p99:6.2f} {delay.max:6.2f}"
        )
    return 0 if delay.n and not report.seq_gaps and not report.silent_calls else 1
