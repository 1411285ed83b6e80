"""``offhook hangup``: end a call, or all of them."""

import argparse
import asyncio

from bus.calls import HangUp, Ok
from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output
from bus.commands.reaching import running_engine
from bus.engine import Engine
from bus.errors import BadRequestError, NotFoundError
from bus.ids import CallId


class HangupOptions(Options, frozen=True):
    """Flags of ``hangup``."""

    call: str = ""
    all: bool = False


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("call", metavar="CALL", nargs="?", default="", help="see: offhook calls")
    parser.add_argument("--all", action="store_true", help="every call")
    run_dir_flag(parser, "the engine that is meant")


def _run(options: HangupOptions) -> int:
    if bool(options.call) == options.all:
        raise BadRequestError("name one CALL, or give --all")
    return asyncio.run(_hang_up(options))


async def _hang_up(options: HangupOptions) -> int:
    output = Output(options.json)
    async with running_engine(options.run_dir) as engine:
        if not options.all:
            await engine.ask(HangUp(call=CallId(options.call)), Ok)
            _done(output, options.call)
            return 0
        for info in await engine.calls():
            if await _still_there(engine, info.call):
                _done(output, info.call)
    return 0


async def _still_there(engine: Engine, call: CallId) -> bool:
    """Hang it up; False if it ended by itself since it was listed."""
    try:
        await engine.ask(HangUp(call=call), Ok)
    except NotFoundError:
        return False
    return True


def _done(output: Output, call: str) -> None:
    output.tell("hung_up", f"hung up {call}", call=call)


HANGUP = Command("hangup", "end a call", HangupOptions, _flags, _run)
