"""``offhook trace [CALL]``: the SIP messages of a call, live or finished, as a ladder.

Without a call: all messages from now on, a line each, until Ctrl-C.
"""

import argparse
import asyncio

from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output
from bus.commands.reaching import interrupted, running_engine
from bus.commands.showing import clock
from bus.engine import Engine
from bus.errors import NotFoundError
from bus.events import SipMessage
from bus.feed import Feed, Missed
from bus.ladder import label, ladder_of
from bus.tracing import TracedMessage


class TraceOptions(Options, frozen=True):
    """Flags of ``trace``."""

    call: str = ""
    full: bool = False


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "call",
        metavar="CALL",
        nargs="?",
        default="",
        help="a call, also one that is over, or a SIP Call-ID (default: all, from now on)",
    )
    parser.add_argument("--full", action="store_true", help="whole messages")
    run_dir_flag(parser, "the engine that is meant")


def _run(options: TraceOptions) -> int:
    return asyncio.run(_trace(options))


async def _trace(options: TraceOptions) -> int:
    output = Output(options.json)
    stop = interrupted()
    async with running_engine(options.run_dir) as engine:
        if options.call:
            await _show(engine, options, output)
            return 0
        feed = engine.events(("sip",))
        await feed.ready()
        following = asyncio.create_task(_follow(feed, options, output))
        output.tell("ready", "following all SIP messages until Ctrl-C")
        await stop.wait()
        feed.close()
        await following
    return 0


async def _show(engine: Engine, options: TraceOptions, output: Output) -> None:
    trace = await engine.trace(options.call)
    if not trace.messages:
        raise NotFoundError(f"no SIP message of {options.call!r} is known (any more)")
    if trace.left_out:
        words = f"({trace.left_out} older messages are left out)"
        output.tell("left_out", words, call=options.call, facts={"count": trace.left_out})
    if options.full or options.json:
        for message in trace.messages:
            _tell(message, options, output)
    else:
        output.tell("", str(ladder_of(trace.messages)))


async def _follow(feed: Feed, options: TraceOptions, output: Output) -> None:
    async for item in feed:
        if isinstance(item, Missed):
            count = item.count or "an unknown number of"
            output.tell("missed", f"(missed {count} messages)", facts=item)
        elif isinstance(event := item.event, SipMessage):
            fields = (event.direction, event.local, event.remote, event.sip_call_id, event.text)
            _tell(TracedMessage(item.at, *fields), options, output)


def _tell(message: TracedMessage, options: TraceOptions, output: Output) -> None:
    text = in_full(message) if options.full else in_a_line(message)
    output.tell("sip", text, call=options.call, at=message.at, facts=message)


def in_a_line(message: TracedMessage) -> str:
    """Return when, from where to where, and what it is."""
    local, here = message.local.partition(":")[2], message.direction == "sent"
    ends = (local, message.remote) if here else (message.remote, local)
    what = label(message.text.encode())
    return f"{clock(message.at)}  {ends[0]} -> {ends[1]}  {what}  {message.sip_call_id}"


def in_full(message: TracedMessage) -> str:
    """Return the whole message under a line that says when and where."""
    arrow = "->" if message.direction == "sent" else "<-"
    head = f"{clock(message.at)}  {message.local} {arrow} {message.remote}"
    return f"{head}\n{message.text.rstrip()}\n"


TRACE = Command("trace", "the SIP messages of a call", TraceOptions, _flags, _run)
