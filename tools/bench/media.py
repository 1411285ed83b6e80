"""What a call costs a worker, and how even its packets are.

For each number of calls: a worker opens that many streams (PCMU, 20 ms, both ways), and loadgen
plays all the peers.  What it receives is echoed (or recorded), so it is really played.  In the same
run, on the same core, ``bare.c`` does nothing but receive and send.  A row is void unless at least
99.9 % of the received frames were played unconcealed, within 60 ms, no sequence number is missing,
and ``bare.c`` kept its own time.

With ``--beside`` rtpengine forwards as many legs, in the same run and on the same core, too.

From several sizes follows what a worker costs without calls and what each call adds, by the
straight line with the least squares of what is relatively off.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from bus.sources import Echo, Silence
from tools.bench.rig import (
    FAR_PORT,
    FIRST_PORT,
    BenchError,
    Cores,
    Counters,
    FarEnd,
    Subject,
    calls_file,
    compiled,
    pinned,
    punctual,
    subject,
)
from tools.bench.rtpengine import rtpengine

WARM: Final = 3.0
"""Seconds before measuring."""
PLAYED: Final = 0.999
SOON_MS: Final = 60.0
"""From arrival to being played, at most."""
EVEN_MS: Final = 5.0
"""How far from 20 ms after the one before 99 % of the packets may be."""
IN_FLIGHT: Final = 2
"""Frames a stream that may wait in the jitter buffer at either end of the measurement."""


class Spread(msgspec.Struct, rename={"ninety_nine": "p99", "thousandth": "p999"}):
    """How far packets are from 20 ms after the one before, in ms."""

    mean: float
    p50: float
    p95: float
    ninety_nine: float
    thousandth: float
    max: float


class Delay(msgspec.Struct, rename={"ninety_nine": "p99", "thousandth": "p999"}):
    """From sending a loud packet until it comes back, in ms; its own 20 ms are not in it."""

    p50: float
    ninety_nine: float
    thousandth: float


class Cost(msgspec.Struct):
    """What loadgen read in /proc."""

    cpu_ms_per_call_s: float
    cpu_pct: float
    rss_hwm_mb: float


class Report(msgspec.Struct):
    """What loadgen measured."""

    n: int
    secs: float
    rx_ratio: float
    seq_gaps: int
    silent_calls: int
    dev_ms: Spread
    gen_late_ms: dict[str, float]
    sut: Cost
    echo_ms: Delay | None = None


class Row(msgspec.Struct):
    """A line of the table."""

    calls: int
    cpu_ms_per_call_s: float
    floor_cpu_ms_per_call_s: float | None
    rtpengine_cpu_ms_per_call_s: float | None
    pacing_ms: Spread
    floor_pacing_ms: Spread | None
    played: float
    seq_gaps: int
    silent_calls: int
    received_by_peers: float
    delay_ms: Delay | None
    memory_mb: float
    load: float
    far_end_late_ms: dict[str, float]
    """How late loadgen itself was: beyond a few ms the row tells of the machine."""
    scheduling: str
    backend: str
    void: str
    """Why the row does not count; empty if it does."""


class Bench:
    """One run."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.arguments, self.folder = arguments, folder
        self.cores = Cores.choose()
        self.far_end = compiled("loadgen", ["-lm"], folder)
        self.bare = self._bare()

    def _bare(self) -> Path | None:
        try:
            return compiled("bare", ["-luring"], self.folder)
        except BenchError as error:
            print(f"without the floor: {error}", file=sys.stderr)
            return None

    def row(self, calls: int) -> Row:
        """Measure the worker, then the floor."""
        seconds = float(self.arguments.seconds)
        realtime, backend = not self.arguments.no_realtime, self.arguments.backend
        with subject(self.cores, calls, realtime=realtime, backend=backend) as worker:
            hello = worker.await_hello()
            report, counters = self._worker(worker, calls, seconds)
            load = worker.load
        floor = self._floor(calls, seconds)
        beside = self._beside(calls, seconds) if self.arguments.beside else None
        frames = counters.played + counters.concealed
        return Row(
            calls=calls,
            cpu_ms_per_call_s=report.sut.cpu_ms_per_call_s,
            floor_cpu_ms_per_call_s=None if floor is None else floor.sut.cpu_ms_per_call_s,
            rtpengine_cpu_ms_per_call_s=None if beside is None else beside.sut.cpu_ms_per_call_s,
            pacing_ms=report.dev_ms,
            floor_pacing_ms=None if floor is None else floor.dev_ms,
            played=counters.played / frames if frames else 0.0,
            seq_gaps=report.seq_gaps,
            silent_calls=report.silent_calls,
            received_by_peers=report.rx_ratio,
            delay_ms=report.echo_ms,
            memory_mb=report.sut.rss_hwm_mb,
            load=load,
            far_end_late_ms=report.gen_late_ms,
            scheduling=hello.scheduling,
            backend=hello.backend,
            void=verdict(report, counters, calls, floor),
        )

    def _worker(self, worker: Subject, calls: int, seconds: float) -> tuple[Report, Counters]:
        record = self.folder if self.arguments.record else None
        ports = worker.open(calls, Silence() if record else Echo(), record)
        options = ["-f", str(calls_file(self.folder, ports)), "-w", str(WARM), "-d", str(seconds)]
        options += [] if record else ["-e"]
        started = time.monotonic()
        far_end = FarEnd(self.far_end, self.cores, [*options, "-P", str(worker.process.pid)])
        try:
            worker.serve(WARM + 0.5)
            before = worker.counters()
            worker.serve(started + WARM + seconds - 0.5 - time.monotonic())
            counters = worker.counters().since(before)
            while far_end.running():
                worker.serve(0.1)
            report = msgspec.convert(far_end.report(), Report)
        finally:
            far_end.end()
        worker.close_streams(calls)
        return report, counters

    def _floor(self, calls: int, seconds: float) -> Report | None:
        if self.bare is None:
            return None
        ports = [FIRST_PORT + number for number in range(calls)]
        options = ["-f", str(calls_file(self.folder, ports)), "-w", str(WARM), "-d", str(seconds)]
        arguments = ["plain", calls, 5, 0, FIRST_PORT, FAR_PORT, WARM + seconds + 10]
        with pinned(self.cores.subject):
            bare = subprocess.Popen(
                [str(self.bare), *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        if not self.arguments.no_realtime:
            punctual(bare.pid)
        assert bare.stdout is not None
        try:
            bare.stdout.readline()
            far_end = FarEnd(self.far_end, self.cores, [*options, "-P", str(bare.pid)])
            return msgspec.convert(far_end.report(), Report)
        finally:
            bare.kill()
            bare.communicate()

    def _beside(self, calls: int, seconds: float) -> Report:
        with rtpengine(self.cores) as other:
            ports = other.open(calls)
            options = ["-f", str(calls_file(self.folder, ports)), "-w", str(WARM)]
            options += ["-d", str(seconds), "-P", str(other.process.pid)]
            far_end = FarEnd(self.far_end, self.cores, options)
            try:
                return msgspec.convert(far_end.report(), Report)
            finally:
                far_end.end()


def verdict(report: Report, counters: Counters, calls: int, floor: Report | None = None) -> str:
    """Return why a row does not count, or nothing."""
    frames = counters.played + counters.concealed
    expected = counters.received - IN_FLIGHT * calls
    reasons = {
        f"{report.seq_gaps} packets are missing": report.seq_gaps > 0,
        f"{report.silent_calls} calls are silent": report.silent_calls > 0,
        f"{counters.concealed} of {frames} frames were concealed": counters.played
        < PLAYED * frames,
        f"{counters.played} of {counters.received} received frames were played": counters.played
        < PLAYED * expected,
        "nothing was played": frames == 0,
        f"it took more than {SOON_MS:.0f} ms": report.echo_ms is not None
        and report.echo_ms.thousandth > SOON_MS,
        "the bare loop was late itself": floor is not None and floor.dev_ms.ninety_nine > EVEN_MS,
    }
    return "; ".join(reason for reason, holds in reasons.items() if holds)


HEAD: Final = (
    " calls | CPU-ms/call-s | bare C | ratio | rtpengine | pacing p50   p99  p99.9    max |"
    " far p99.9 |  played  | delay p50   p99 |  MB |"
)


def line(row: Row) -> str:
    """Return a line of the table."""
    pacing, floor = row.pacing_ms, row.floor_cpu_ms_per_call_s
    beside = row.rtpengine_cpu_ms_per_call_s
    ratio = f"{row.cpu_ms_per_call_s / floor:5.1f}" if floor else "-"
    bare = f"{floor:6.3f}" if floor else "-"
    cells = (
        f"{row.calls:6d}",
        f"{row.cpu_ms_per_call_s:13.3f}",
        f"{bare:>6}",
        f"{ratio:>5}",
        f"{'-' if beside is None else format(beside, '.3f'):>7}",
        f"{pacing.p50:10.2f} {pacing.ninety_nine:5.2f} {pacing.thousandth:6.2f} {pacing.max:6.1f}",
        f"{row.far_end_late_ms.get('p999', 0.0):9.2f}",
        f"{100 * row.played:7.3f}%",
        f"{row.delay_ms.p50:9.1f} {row.delay_ms.ninety_nine:5.1f}" if row.delay_ms else " " * 15,
        f"{row.memory_mb:3.0f}",
        f"VOID: {row.void}" if row.void else "",
    )
    return "   ".join(cells)


class Fit(msgspec.Struct):
    """A straight line through the rows."""

    fixed_pct: float
    """Of a core."""
    per_call_ms: float
    """CPU-ms a second that each call adds."""
    floor_per_call_ms: float | None
    memory_per_call_kb: float


def fit(rows: list[Row]) -> Fit | None:
    """Return the line; None unless there are rows of two sizes."""
    if len({row.calls for row in rows}) < 2:
        return None
    calls = [row.calls for row in rows]
    fixed, slope = _line(calls, [row.calls * row.cpu_ms_per_call_s for row in rows])
    floors = [row.calls * (row.floor_cpu_ms_per_call_s or 0.0) for row in rows]
    return Fit(
        fixed_pct=fixed / 10,
        per_call_ms=slope,
        floor_per_call_ms=_line(calls, floors)[1] if all(floors) else None,
        memory_per_call_kb=1024 * _line(calls, [row.memory_mb for row in rows])[1],
    )


def _line(calls: list[int], costs: list[float]) -> tuple[float, float]:
    """Fit cost = a + b * calls; what is off counts in proportion to the cost."""
    found = np.polyfit(calls, costs, 1, w=1 / np.array(costs))
    return float(found[1]), float(found[0])


def in_words(found: Fit) -> str:
    """Return the line under the table."""
    floor = found.floor_per_call_ms
    ratio = f", {found.per_call_ms / floor:.2f} times bare C's {floor:.3f}" if floor else ""
    return (
        f"{found.fixed_pct:.1f} % of a core and {found.per_call_ms:.3f} CPU-ms a call{ratio}; "
        f"{found.memory_per_call_kb:.0f} KB a call"
    )


def main(words: list[str]) -> int:
    """Entry point: ``media``."""
    parser = argparse.ArgumentParser(prog="bench media", description=__doc__)
    parser.add_argument("--calls", default="50,200,500", help="sizes, separated by commas")
    parser.add_argument("--seconds", type=float, default=20.0, help="measured, 3 s to warm up")
    parser.add_argument("--record", action="store_true", help="record instead of echoing")
    parser.add_argument("--beside", action="store_true", help="measure rtpengine, too")
    parser.add_argument("--no-realtime", action="store_true", help="with ordinary scheduling")
    parser.add_argument("--backend", default="auto", help="auto (default), uring or portable")
    parser.add_argument("--json", action="store_true", help="print one object instead of a table")
    arguments = parser.parse_args(words)
    rows: list[Row] = []
    if not arguments.json:
        print(HEAD)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            bench = Bench(arguments, Path(folder))
            for calls in map(int, arguments.calls.split(",")):
                rows.append(bench.row(calls))
                if not arguments.json:
                    print(line(rows[-1]), flush=True)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    line_through = fit(rows)
    if line_through is not None and not arguments.json:
        print(in_words(line_through))
    if arguments.json:
        found = {"bench": "media", "seconds": arguments.seconds, "rows": msgspec.to_builtins(rows)}
        found["fit"] = msgspec.to_builtins(line_through)
        print(json.dumps(found))
    return 1 if any(row.void for row in rows) else 0
