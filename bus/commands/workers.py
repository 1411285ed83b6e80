"""``offhook workers``: the media workers and the other processes; how many there shall be."""

import argparse
import asyncio

from bus.calls import WorkerInfo
from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output, table
from bus.commands.reaching import running_engine
from bus.commands.showing import MEDIA_HEAD, media_cells
from bus.gauges import summary
from bus.workers import ProcessInfo

WORKERS_HEAD = (
    *("WORKER", "STATE", "PID", "STREAMS", "CAPACITY", "LOAD"),
    *(*MEDIA_HEAD, "BACKEND", "SCHEDULING"),
)
PROCESSES_HEAD = ("PROCESS", "ROLE", "STATE", "PID", "RESTARTS", "LAST EXIT")


class WorkersOptions(Options, frozen=True):
    """Flags of ``workers``."""

    scale: int | None = None


def _flags(parser: argparse.ArgumentParser) -> None:
    run_dir_flag(parser, "the engine that is meant")
    parser.add_argument("--scale", metavar="N", type=int, help="have so many from now on")


def _run(options: WorkersOptions) -> int:
    return asyncio.run(_list(options))


async def _list(options: WorkersOptions) -> int:
    output = Output(options.json)
    async with running_engine(options.run_dir) as engine:
        if options.scale is not None:
            await engine.scale(options.scale)
            output.tell(
                "scaled", f"{options.scale} workers asked for", facts={"workers": options.scale}
            )
            return 0
        workers, processes = await engine.workers(), await engine.processes()
    if options.json:
        for worker in workers:
            facts = {name: getattr(worker, name) for name in worker.__struct_fields__}
            output.tell("worker", "", facts={**facts, "quality": summary([worker.table])})
        for process in processes:
            output.tell("process", "", facts=process)
    else:
        output.tell("workers", table([WORKERS_HEAD, *map(_worker, workers)]))
        output.tell("", "")
        output.tell("processes", table([PROCESSES_HEAD, *map(_process, processes)]))
    return 0


def _worker(worker: WorkerInfo) -> tuple[str, ...]:
    size = (str(worker.pid), str(worker.streams), str(worker.capacity), f"{worker.load:.0%}")
    media = media_cells(summary([worker.table])) if worker.streams else media_cells(None)
    return (worker.worker, worker.state, *size, *media, worker.backend, worker.scheduling)


def _process(process: ProcessInfo) -> tuple[str, ...]:
    counts = (str(process.pid), str(process.restarts), process.last_exit)
    return (process.name, process.role, process.state, *counts)


WORKERS = Command("workers", "the media workers, and how many", WorkersOptions, _flags, _run)
