"""``offhook calls``: all calls, whoever owns them."""

import argparse
import asyncio
import time

from bus.calls import CallInfo, Quality
from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output, table
from bus.commands.reaching import running_engine
from bus.commands.showing import MEDIA_HEAD, media_cells
from bus.engine import Engine
from bus.ids import StreamId

HEAD = (
    "CALL",
    "DIRECTION",
    "STATE",
    "HOLD",
    "SECONDS",
    "LOCAL",
    "REMOTE",
    "CODEC",
    *MEDIA_HEAD,
    "WORKER",
    "OWNER",
)


def _flags(parser: argparse.ArgumentParser) -> None:
    run_dir_flag(parser, "the engine that is meant")


def _run(options: Options) -> int:
    return asyncio.run(_list(options))


async def _list(options: Options) -> int:
    async with running_engine(options.run_dir) as engine:
        calls = [(call, await _quality(engine, call)) for call in await engine.calls()]
    output = Output(options.json)
    if not options.json:
        now = time.time()
        rows = (_row(call, quality, now) for call, quality in calls)
        output.tell("calls", table([HEAD, *rows]))
        return 0
    for call, quality in calls:
        facts = {name: getattr(call, name) for name in call.__struct_fields__ if name != "call"}
        output.tell("call", "", call=call.call, facts={**facts, "quality": quality})
    return 0


async def _quality(engine: Engine, call: CallInfo) -> Quality | None:
    """Return what the media of a call are like; None unless they flow."""
    if not call.answered_at or not call.stream:
        return None
    reading = await engine.read_gauges(call.worker, StreamId(call.stream))
    return reading.quality if reading else None


def _row(call: CallInfo, quality: Quality | None, now: float) -> tuple[str, ...]:
    age = f"{now - call.started_at:.0f}"
    hold = " ".join(
        side for side, holds in (("local", call.local_hold), ("remote", call.remote_hold)) if holds
    )
    how = (call.direction, call.state, hold, age)
    codec = f"{call.codec} srtp" if call.srtp else call.codec
    who = (call.local, call.remote, codec, *media_cells(quality))
    return (call.call, *how, *who, call.worker, call.owner)


CALLS = Command("calls", "all calls", Options, _flags, _run)
