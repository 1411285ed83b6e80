"""``offhook hold`` and ``offhook resume``: hold the peer of a call, with music; take it back."""

import argparse
import asyncio

from bus.asking import AGREE_WITHIN
from bus.call import as_music
from bus.calls import Ok
from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output
from bus.commands.reaching import running_engine
from bus.holding import Hold, Resume
from bus.ids import CallId
from bus.playing import parse_source


class HoldOptions(Options, frozen=True):
    """Flags of ``hold``."""

    call: str
    music: str = "music"


class ResumeOptions(Options, frozen=True):
    """Flags of ``resume``."""

    call: str


def _call_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("call", metavar="CALL", help="see: offhook calls")
    run_dir_flag(parser, "the engine that is meant")


def _hold_flags(parser: argparse.ArgumentParser) -> None:
    _call_flag(parser)
    parser.add_argument(
        "--music",
        metavar="WHAT",
        default="music",
        help="what the peer hears: FILE.wav, tone:HZ, silence (default: built-in music)",
    )


def _hold(options: HoldOptions) -> int:
    music = as_music(parse_source(options.music))
    request = Hold(call=CallId(options.call), music=music)
    return asyncio.run(_ask(options, options.call, request, "held"))


def _resume(options: ResumeOptions) -> int:
    request = Resume(call=CallId(options.call))
    return asyncio.run(_ask(options, options.call, request, "resumed"))


async def _ask(options: Options, call: str, request: Hold | Resume, done: str) -> int:
    async with running_engine(options.run_dir) as engine:
        await engine.ask(request, Ok, within=AGREE_WITHIN)
    Output(options.json).tell(done, f"{done} {call}", call=call)
    return 0


HOLD = Command("hold", "hold the peer of a call, with music", HoldOptions, _hold_flags, _hold)
RESUME = Command("resume", "take a held peer back", ResumeOptions, _call_flag, _resume)
