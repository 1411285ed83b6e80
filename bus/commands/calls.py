"""``offhook calls``: all calls, whoever owns them."""

import argparse
import asyncio
import time

from bus.calls import CallInfo
from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output, table
from bus.commands.reaching import running_engine

HEAD = (
    "CALL",
    "DIRECTION",
    "STATE",
    "HOLD",
    "SECONDS",
    "LOCAL",
    "REMOTE",
    "CODEC",
    "WORKER",
    "OWNER",
)


def _flags(parser: argparse.ArgumentParser) -> None:
    run_dir_flag(parser, "the engine that is meant")


def _run(options: Options) -> int:
    return asyncio.run(_list(options))


async def _list(options: Options) -> int:
    async with running_engine(options.run_dir) as engine:
        calls = await engine.calls()
    output = Output(options.json)
    if not options.json:
        now = time.time()
        output.tell("calls", table([HEAD, *(_row(call, now) for call in calls)]))
        return 0
    for call in calls:
        facts = {name: getattr(call, name) for name in call.__struct_fields__ if name != "call"}
        output.tell("call", "", call=call.call, facts=facts)
    return 0


def _row(call: CallInfo, now: float) -> tuple[str, ...]:
    age = f"{now - call.started_at:.0f}"
    hold = " ".join(
        side for side, holds in (("local", call.local_hold), ("remote", call.remote_hold)) if holds
    )
    how = (call.direction, call.state, hold, age)
    return (call.call, *how, call.local, call.remote, call.codec, call.worker, call.owner)


CALLS = Command("calls", "all calls", Options, _flags, _run)
