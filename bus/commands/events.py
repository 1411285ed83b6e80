"""``offhook events``: watch what happens, until Ctrl-C."""

import argparse
import asyncio

import msgspec

from bus.calls import SipMessage
from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output
from bus.commands.reaching import interrupted, running_engine
from bus.commands.showing import clock, in_words
from bus.feed import Feed, Missed, Observed


class EventsOptions(Options, frozen=True):
    """Flags of ``events``."""

    sip: bool = False


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sip", action="store_true", help="SIP messages as well")
    run_dir_flag(parser, "the engine that is meant")


def _run(options: EventsOptions) -> int:
    return asyncio.run(_watch(options))


async def _watch(options: EventsOptions) -> int:
    stop = interrupted()
    async with running_engine(options.run_dir) as engine:
        feed = engine.events(("call", "worker", "registration", *(["sip"] if options.sip else [])))
        printing = asyncio.create_task(_print(feed, Output(options.json)))
        await stop.wait()
        feed.close()
        await printing
    return 0


async def _print(feed: Feed, output: Output) -> None:
    async for item in feed:
        match item:
            case Missed():
                count = item.count or "an unknown number of"
                output.tell("missed", f"(missed {count} {item.topic} events)", facts=item)
            case Observed():
                output.event(item.event, _line(item), item.at)


def _line(item: Observed) -> str:
    call = str(msgspec.to_builtins(item.event).get("call", ""))
    lead = item.topic if isinstance(item.event, SipMessage) else call
    return f"{clock(item.at)}  {lead:<10}  {in_words(item.event)}"


EVENTS = Command("events", "watch what happens", EventsOptions, _flags, _run)
