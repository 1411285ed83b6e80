"""``offhook record``: record a call into a WAV file; pause, go on, stop."""

import argparse
import asyncio

from bus.calls import Ok, Record
from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output
from bus.commands.reaching import running_engine
from bus.errors import BadRequestError
from bus.ids import CallId
from bus.playing import absolute
from bus.routing import PauseRecording


class RecordOptions(Options, frozen=True):
    """Flags of ``record``."""

    call: str
    file: str = ""
    layout: str = "stereo"
    pause: bool = False
    resume: bool = False
    stop: bool = False


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("call", metavar="CALL", help="see: offhook calls")
    parser.add_argument("file", metavar="FILE.wav", nargs="?", default="", help="what to write")
    parser.add_argument(
        "--layout",
        choices=("stereo", "mixed"),
        default="stereo",
        help="stereo (the default): the caller left, the callee right",
    )
    acts = parser.add_mutually_exclusive_group()
    acts.add_argument("--pause", action="store_true", help="leave out what is said from now on")
    acts.add_argument("--resume", action="store_true", help="go on")
    acts.add_argument("--stop", action="store_true", help="end it")
    run_dir_flag(parser, "the engine that is meant")


def _run(options: RecordOptions) -> int:
    if bool(options.file) == (options.pause or options.resume or options.stop):
        raise BadRequestError("one of FILE.wav, --pause, --resume and --stop is to be said")
    return asyncio.run(_record(options))


async def _record(options: RecordOptions) -> int:
    call = CallId(options.call)
    request: Record | PauseRecording
    if options.pause or options.resume:
        done = "paused" if options.pause else "resumed"
        request = PauseRecording(call=call, paused=options.pause)
    else:
        done = "stopped" if options.stop else "started"
        request = Record(call=call, path=absolute(options.file), layout=options.layout)
    async with running_engine(options.run_dir) as engine:
        await engine.ask(request, Ok)
    facts = {"path": absolute(options.file)} if options.file else {}
    text = f"{done} the recording of {options.call}"
    Output(options.json).tell(f"recording_{done}", text, call=options.call, facts=facts)
    return 0


RECORD = Command("record", "record a call, pause, go on, stop", RecordOptions, _flags, _run)
