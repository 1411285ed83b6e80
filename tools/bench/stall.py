"""Whether packets stay even while applications misbehave.

A worker echoes calls.  In every other window a process runs ``while True: pass`` and another one
fills and frees gigabytes; in the windows between them it is quiet.  What counts is how far packets
are from 20 ms after the one before, at p99, beside the quiet windows of the same run.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Final

import msgspec

from bus.sources import Echo
from tools.bench.media import Report
from tools.bench.rig import BenchError, Cores, FarEnd, Subject, calls_file, compiled, subject

WARM: Final = 1.5
"""Seconds before each window: a new far end has to be learnt."""
LIMIT: Final = 1.5
"""What p99 may be, of that of the quiet windows."""
FLOOR_MS: Final = 1.0
"""A p99 below that is even, whatever it was when it was quiet."""
SPIN: Final = "while True: pass"
CHURN: Final = """
import sys
block, total = 64 << 20, int(sys.argv[1])
while True:
    held = []
    for _ in range(0, total, block):
        held.append(bytearray(block))
        held[-1][::4096] = bytes(len(held[-1][::4096]))
    del held
"""


class Window(msgspec.Struct):
    """One measurement."""

    busy: bool
    p50_ms: float
    p99_ms: float
    max_ms: float
    seq_gaps: int
    received_by_peers: float


@contextlib.contextmanager
def churning(megabytes: int, spinners: int) -> Generator[None]:
    """Have processes that misbehave, as any program of the user would run."""
    programs = [[SPIN]] * spinners + [[CHURN, str(megabytes << 20)]]
    running = [subprocess.Popen([sys.executable, "-c", *each]) for each in programs]
    try:
        yield
        for process in running:
            if process.poll() is not None:
                raise BenchError(f"a process that should misbehave ended: {process.returncode}")
    finally:
        for process in running:
            process.kill()
            process.wait()


def available_mb() -> int:
    """Return how much memory there is to take."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(each.split()[1]) for each in lines if each.startswith("MemAvailable")) // 1024


class Bench:
    """One run."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.arguments, self.folder, self.cores = arguments, folder, Cores.choose()
        self.far_end = compiled("loadgen", ["-lm"], folder)
        self.megabytes = min(int(arguments.megabytes), available_mb() // 2)

    def windows(self) -> Generator[Window]:
        """Measure quiet and busy windows in turn."""
        calls = int(self.arguments.calls)
        with subject(self.cores, calls, realtime=not self.arguments.no_realtime) as worker:
            ports = worker.open(calls, Echo())
            for number in range(2 * int(self.arguments.pairs)):
                busy = bool(number % 2)
                load = churning(self.megabytes, 1) if busy else contextlib.nullcontext()
                with load:
                    yield self._window(worker, ports, busy=busy)

    def _window(self, worker: Subject, ports: list[int], *, busy: bool) -> Window:
        seconds = str(self.arguments.seconds)
        options = ["-f", str(calls_file(self.folder, ports)), "-w", str(WARM), "-d", seconds]
        far_end = FarEnd(self.far_end, self.cores, [*options, "-P", str(worker.process.pid)])
        try:
            while far_end.running():
                worker.serve(0.1)
            report = msgspec.convert(far_end.report(), Report)
        finally:
            far_end.end()
        spread = report.dev_ms
        ratio = report.rx_ratio
        return Window(busy, spread.p50, spread.ninety_nine, spread.max, report.seq_gaps, ratio)


def main(words: list[str]) -> int:
    """Entry point: ``stall``."""
    parser = argparse.ArgumentParser(prog="bench stall", description=__doc__)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=4, help="quiet and busy windows, each")
    parser.add_argument("--seconds", type=float, default=6.0, help="of a window, 1.5 s to warm up")
    parser.add_argument("--megabytes", type=int, default=3000, help="filled and freed")
    parser.add_argument("--no-realtime", action="store_true", help="with ordinary scheduling")
    parser.add_argument("--json", action="store_true", help="print one object instead of a table")
    arguments = parser.parse_args(words)
    found = list[Window]()
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            bench = Bench(arguments, Path(folder))
            for window in bench.windows():
                found.append(window)
                if not arguments.json:
                    print(line(window), flush=True)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    quiet, busy = (median(found, busy=each) for each in (False, True))
    held = busy <= max(LIMIT * quiet, FLOOR_MS)
    if arguments.json:
        rows = msgspec.to_builtins(found)
        print(json.dumps({"bench": "stall", "windows": rows, "quiet_ms": quiet, "busy_ms": busy}))
    else:
        print(f"p99: quiet {quiet:.2f} ms, busy {busy:.2f} ms, {busy / quiet:.2f} times")
    return 0 if held else 1


def median(windows: list[Window], *, busy: bool) -> float:
    """Return the median p99 of the windows of a kind, ms."""
    return statistics.median(each.p99_ms for each in windows if each.busy is busy)


def line(window: Window) -> str:
    """Return a line of the table."""
    name = "busy " if window.busy else "quiet"
    spread = f"p50 {window.p50_ms:5.2f}  p99 {window.p99_ms:5.2f}  max {window.max_ms:6.2f} ms"
    return f"{name}  {spread}  missing {window.seq_gaps}"
