"""``offhook status``: the engine in a glance."""

import argparse
import asyncio
import time

from bus.calls import Status
from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output
from bus.commands.reaching import running_engine


def _flags(parser: argparse.ArgumentParser) -> None:
    run_dir_flag(parser, "the engine that is meant")


def _run(options: Options) -> int:
    return asyncio.run(_show(options))


async def _show(options: Options) -> int:
    async with running_engine(options.run_dir) as engine:
        status = await engine.status()
    facts = {name: getattr(status, name) for name in Status.__struct_fields__ if name != "workers"}
    Output(options.json).tell("status", in_lines(status, time.time()), facts=facts)
    return 0


def in_lines(status: Status, now: float) -> str:
    """Return it for people."""
    up = sum(worker.state == "up" for worker in status.workers)
    lines = [
        f"offhook {status.version}, signaling pid {status.pid}, up {now - status.started_at:.0f} s",
        f"listening on {', '.join(status.listeners) or 'nothing'}",
        f"{status.calls} calls now, {status.calls_total} in all, {status.clients} clients",
        f"{up} of {len(status.workers)} workers up",
        *(f"{name}: {count}" for name, count in sorted(status.counters.items())),
    ]
    return "\n".join(lines)


STATUS = Command("status", "the engine in a glance", Options, _flags, _run)
