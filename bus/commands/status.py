"""``offhook status``: the engine in a glance."""

import argparse
import asyncio
import time
from collections.abc import Iterator

from bus.calls import Status
from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output
from bus.commands.reaching import running_engine
from bus.gauges import Summary, summary


def _flags(parser: argparse.ArgumentParser) -> None:
    run_dir_flag(parser, "the engine that is meant")


def _run(options: Options) -> int:
    return asyncio.run(_show(options))


async def _show(options: Options) -> int:
    async with running_engine(options.run_dir) as engine:
        status = await engine.status()
    media = summary(worker.table for worker in status.workers)
    facts = {name: getattr(status, name) for name in Status.__struct_fields__ if name != "workers"}
    facts["quality"] = media
    Output(options.json).tell("status", in_lines(status, media, time.time()), facts=facts)
    return 0


def in_lines(status: Status, media: Summary, now: float) -> str:
    """Return it for people."""
    up = sum(worker.state == "up" for worker in status.workers)
    lines = [
        f"offhook {status.version}, signaling pid {status.pid}, up {now - status.started_at:.0f} s",
        f"listening on {', '.join(status.listeners) or 'nothing'}",
        f"{status.calls} calls now, {status.calls_total} in all, {status.clients} clients",
        f"{up} of {len(status.workers)} workers up{_backends(status)}",
        *_quality(media),
        *(f"{name}: {count}" for name, count in sorted(status.counters.items())),
    ]
    return "\n".join(lines)


def _backends(status: Status) -> str:
    """Return how RTP gets in and out."""
    names = sorted({worker.backend for worker in status.workers if worker.backend})
    return f" ({', '.join(names)})" if names else ""


def _quality(media: Summary) -> Iterator[str]:
    if media.scored:
        yield (
            f"{media.scored} streams heard: MOS {media.mos_conversational:.1f}"
            f" (least {media.mos_least:.1f}), loss {media.loss_percent:.1f} %,"
            f" jitter {media.jitter_ms:.1f} ms, round trip {media.round_trip_ms:.0f} ms"
        )


STATUS = Command("status", "the engine in a glance", Options, _flags, _run)
