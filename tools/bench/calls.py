"""What whole calls cost: every process of an engine, with the media of N calls for a minute.

The engine dials N times over real SIP; a responder of a few lines answers each call with the
address of loadgen, which then plays all the peers (PCMU, 20 ms).  What they say is echoed, so it is
really played.  The one worker is pinned to a core of its own.  CPU time is that of the supervisor
and everything below it, as loadgen reads it in /proc.  A run is void unless at least 99.9 % of the
frames were played unconcealed, no sequence number is missing and no call is silent.
"""

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Final, cast

import msgspec

import offhook
from tools.bench.media import Report, verdict
from tools.bench.rig import (
    FAR_PORT,
    HOST,
    BenchError,
    Cores,
    FarEnd,
    calls_file,
    compiled,
    counters,
)

WARM: Final = 3.0
COPIED: Final = re.compile(rb"^(Via|From|To|Call-ID|CSeq): [^\r]*\r\n", re.MULTILINE)


class Result(msgspec.Struct, kw_only=True):
    """One run."""

    calls: int
    seconds: float
    cpu_ms_per_call_s: float
    """Of all processes of the engine together."""
    sequence_gaps: int
    silent_calls: int
    played: float
    """Share of the frames that were played as they came."""
    memory_mb: float
    pacing_p99_ms: float
    void: str


class Responder(asyncio.DatagramProtocol):
    """Answers every request with 200; an INVITE with loadgen's address."""

    def __init__(self) -> None:
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        """Answer a request."""
        method = data.partition(b" ")[0]
        if method == b"ACK" or self.transport is None:
            return
        copied = b"".join(found.group() for found in COPIED.finditer(data))
        copied = re.sub(rb"(?m)^(To: [^\r;]*)\r", rb"\1;tag=bench\r", copied)
        body = b""
        if method == b"INVITE":
            lines = (
                f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
                f"m=audio {FAR_PORT} RTP/AVP 0\r\n"
            )
            body = lines.encode()
            copied += f"Contact: <sip:bench@{HOST}:{self.port()}>\r\n".encode()
            copied += b"Content-Type: application/sdp\r\n"
        head = b"SIP/2.0 200 OK\r\n" + copied + f"Content-Length: {len(body)}\r\n\r\n".encode()
        self.transport.sendto(head + body, addr)

    def port(self) -> int:
        """Return the port it listens on."""
        assert self.transport is not None
        return int(self.transport.get_extra_info("sockname")[1])


async def measure(calls: int, seconds: float, folder: Path) -> Result:
    """Place the calls, let loadgen play the peers, count."""
    loadgen, cores = compiled("loadgen", ["-lm"], folder), Cores.choose()
    transport, responder = await asyncio.get_running_loop().create_datagram_endpoint(
        Responder, (HOST, 0)
    )
    try:
        async with offhook.Engine.launch(workers=1) as engine:
            (worker,) = await engine.workers()
            os.sched_setaffinity(worker.pid, {cores.subject})
            target = f"sip:bench@{HOST}:{responder.port()}"
            answers = [await dial(engine, target) for _ in range(calls)]
            ports = [int(answer.local_media.rpartition(":")[2]) for answer in answers]
            options = ["-f", str(calls_file(folder, ports)), "-w", str(WARM), "-d", str(seconds)]
            far = FarEnd(loadgen, cores, [*options, "-P", str(parent_of(worker.pid))])
            try:
                await asyncio.sleep(WARM + 0.5)
                before = counters(worker.table)
                await asyncio.sleep(seconds - 1)
                counted = counters(worker.table).since(before)
                report = msgspec.convert(await asyncio.to_thread(far.report), Report)
            finally:
                far.end()
    finally:
        transport.close()
    frames = counted.played + counted.concealed
    return Result(
        calls=calls,
        seconds=seconds,
        cpu_ms_per_call_s=report.sut.cpu_ms_per_call_s,
        sequence_gaps=report.seq_gaps,
        silent_calls=report.silent_calls,
        played=round(counted.played / frames, 6) if frames else 0.0,
        memory_mb=report.sut.rss_hwm_mb,
        pacing_p99_ms=report.dev_ms.ninety_nine,
        void=verdict(report, counted, calls),
    )


async def dial(engine: offhook.Engine, target: str) -> offhook.events.Answered:
    """Place one call that echoes."""
    call = await engine.dial(target, play=offhook.Echo())
    return await call.answered()


def parent_of(pid: int) -> int:
    """Return the process above: of a worker, the supervisor."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def text_of(result: Result) -> str:
    """Return the result for people."""
    return "\n".join(
        [
            f"{result.calls} calls for {result.seconds:g} s",
            f"  {result.cpu_ms_per_call_s:.3f} CPU-ms a call-second, all processes of the engine",
            f"  {result.sequence_gaps} sequence gaps, {result.silent_calls} silent calls, "
            f"{100 * result.played:.3f} % played as received, pacing p99 {result.pacing_p99_ms} ms",
            f"  {result.memory_mb:.0f} MB",
            *([f"  VOID: {result.void}"] if result.void else []),
        ]
    )


def main(arguments: list[str]) -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(prog="tools/bench calls", description=__doc__)
    parser.add_argument("--calls", type=int, default=200, metavar="N")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            result = asyncio.run(measure(given.calls, given.seconds, Path(folder)))
    except (BenchError, offhook.OffhookError, offhook.CallFailed) as error:
        sys.stderr.write(f"bench calls: {error}\n")
        return 1
    print(json.dumps(msgspec.to_builtins(result)) if given.json else text_of(result))
    return 1 if result.void else 0
