"""``offhook play``: let the peer of a call hear sounds, one after the other."""

import argparse
import asyncio

from bus.calls import Ok, Play
from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output
from bus.commands.reaching import running_engine
from bus.ids import CallId
from bus.playing import parse_source
from bus.routing import Queue


class PlayOptions(Options, frozen=True):
    """Flags of ``play``."""

    call: str
    sources: list[str]
    queue: bool = False


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("call", metavar="CALL", help="see: offhook calls")
    parser.add_argument(
        "sources",
        metavar="WHAT",
        nargs="+",
        help="FILE.wav, tone:HZ, music, echo or silence; each begins when that before it has ended",
    )
    parser.add_argument("--queue", action="store_true", help="after all that plays and waits")
    run_dir_flag(parser, "the engine that is meant")


def _run(options: PlayOptions) -> int:
    return asyncio.run(_play(options))


async def _play(options: PlayOptions) -> int:
    call, sources = CallId(options.call), [parse_source(each) for each in options.sources]
    async with running_engine(options.run_dir) as engine:
        for place, source in enumerate(sources):
            queued = options.queue or place > 0
            kind = Queue if queued else Play
            await engine.ask(kind(call=call, source=source), Ok)
    done = "queued" if options.queue else "playing"
    text = f"{done} {', '.join(options.sources)} in {options.call}"
    facts = {"sources": options.sources}
    Output(options.json).tell(done, text, call=options.call, facts=facts)
    return 0


PLAY = Command("play", "let the peer of a call hear something", PlayOptions, _flags, _run)
