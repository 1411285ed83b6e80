"""``offhook answer``: take the calls that come, until Ctrl-C or ``--count``."""

import argparse
import asyncio
import time
from pathlib import Path

from bus.commands.call import attend
from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output
from bus.commands.reaching import interrupted, some_engine
from bus.commands.showing import in_words
from bus.engine import Engine
from bus.errors import BadRequestError, OffhookError
from bus.incoming import IncomingCalls
from bus.incoming_call import IncomingCall
from bus.outcomes import CallEndedError, CallFailed
from bus.playing import parse_source
from bus.sources import AnySource, Echo

SIP = ("udp:0.0.0.0:5060", "tcp:0.0.0.0:5060")


class AnswerOptions(Options, frozen=True):
    """Flags of ``answer``."""

    echo: bool = False
    play: str = "silence"
    record: Path | None = None
    reject: int | None = None
    redirect: str = ""
    user: str = "*"
    count: int | None = None
    duration: float | None = None
    sip: list[str] | None = None


def _flags(parser: argparse.ArgumentParser) -> None:
    run_dir_flag(parser, "use the engine that runs there; else a private one is started")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--echo", action="store_true", help="send back what the caller says")
    what.add_argument(
        "--play", metavar="WHAT", default="silence", help="tone:HZ, FILE.wav, silence or echo"
    )
    what.add_argument("--reject", metavar="CODE", type=int, help="refuse with this status")
    what.add_argument("--redirect", metavar="URI", default="", help="send callers there (302)")
    parser.add_argument("--record", metavar="DIR", type=Path, help="record each call into a file")
    parser.add_argument("--user", metavar="PATTERN", default="*", help="only calls to these users")
    parser.add_argument("--count", metavar="N", type=int, help="stop after N calls")
    parser.add_argument("--duration", metavar="S", type=float, help="hang up after S seconds")
    parser.add_argument(
        "--sip",
        metavar="udp:HOST:PORT",
        action="append",
        help="listener of a private engine; may be repeated (default: port 5060, UDP and TCP)",
    )


def _run(options: AnswerOptions) -> int:
    if options.reject is not None and not 400 <= options.reject <= 699:
        raise BadRequestError(f"--reject {options.reject}: a refusal is from 400 to 699")
    if options.count is not None and options.count < 1:
        raise BadRequestError(f"--count {options.count}: at least 1")
    return asyncio.run(_serve(options))


async def _serve(options: AnswerOptions) -> int:
    output, stop = Output(options.json), interrupted()
    source = Echo() if options.echo else parse_source(options.play)
    if options.record is not None:
        options.record.mkdir(parents=True, exist_ok=True)
    async with some_engine(options.run_dir, options.sip or SIP) as engine:
        await _take_calls(engine, options, source, output, stop)
    return 0


async def _take_calls(
    engine: Engine,
    options: AnswerOptions,
    source: AnySource,
    output: Output,
    stop: asyncio.Event,
) -> None:
    """Take each call in a task of its own, so that none waits for another."""
    async with engine.incoming(options.user) as calls, asyncio.TaskGroup() as group:
        end = group.create_task(_close_when(stop, calls))
        where = ", ".join(engine.listeners)
        output.tell("ready", f"waiting for calls at {where}", facts={"listeners": engine.listeners})
        taken = 0
        async for call in calls:
            group.create_task(_handle(call, options, source, output, stop))
            taken += 1
            if taken == options.count:
                break
        end.cancel()


async def _close_when(stop: asyncio.Event, calls: IncomingCalls) -> None:
    await stop.wait()
    await calls.aclose()


async def _handle(
    call: IncomingCall,
    options: AnswerOptions,
    source: AnySource,
    output: Output,
    stop: asyncio.Event,
) -> None:
    output.event(call.event, in_words(call.event))
    deciding = asyncio.create_task(_decide(call, options, source, output))
    try:
        await attend(call, output, stop, duration=options.duration, live=options.count == 1)
    finally:
        deciding.cancel()


async def _decide(
    call: IncomingCall, options: AnswerOptions, source: AnySource, output: Output
) -> None:
    try:
        if options.reject is not None:
            await call.reject(options.reject)
        elif options.redirect:
            await call.redirect(options.redirect)
        else:
            await call.ring()
            await call.answer(play=source, record=_recording(options.record, call))
    except (CallFailed, CallEndedError):
        pass  # the caller gave up; its end is reported as any other
    except OffhookError as error:
        output.tell("error", f"cannot answer: {error}", call=call.id, facts={"reason": str(error)})
        await call.hang_up()


def _recording(folder: Path | None, call: IncomingCall) -> str:
    if folder is None:
        return ""
    return str(folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{call.id}.wav")


ANSWER = Command("answer", "take calls", AnswerOptions, _flags, _run)
