"""``offhook answer``: take the calls that come, until Ctrl-C or ``--count``.

On a terminal, unless a flag says what to do, it asks for each: answer, reject or redirect.
"""

import argparse
import asyncio
import contextlib
import sys
import time
from pathlib import Path
from typing import assert_never

from bus.commands.asking import Answer, Decision, Redirect, Reject, Terminal
from bus.commands.call import attend
from bus.commands.command import Command, codec_flag, run_dir_flag
from bus.commands.output import Output
from bus.commands.reaching import interrupted, some_engine
from bus.commands.showing import in_words
from bus.commands.softphone import (
    SoftphoneOptions,
    is_device,
    phone_of,
    softphone_flags,
    source_of,
)
from bus.engine import Engine
from bus.errors import BadRequestError, OffhookError
from bus.incoming import IncomingCalls
from bus.incoming_call import IncomingCall
from bus.outcomes import CallEndedError, CallFailed
from bus.sound_cards import check_device, ringing
from bus.sources import AnySource, Echo

SIP = ("udp:0.0.0.0:5060", "tcp:0.0.0.0:5060")


class AnswerOptions(SoftphoneOptions, frozen=True):
    """Flags of ``answer``."""

    echo: bool = False
    play: str = ""
    ring: str | None = None
    after: float = 0.0
    record: Path | None = None
    reject: int | None = None
    redirect: str = ""
    user: str = "*"
    count: int | None = None
    duration: float | None = None
    sip: list[str] | None = None
    codec: list[str] | None = None


def _flags(parser: argparse.ArgumentParser) -> None:
    run_dir_flag(parser, "use the engine that runs there; else a private one is started")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--echo", action="store_true", help="send back what the caller says")
    what.add_argument(
        "--play",
        metavar="WHAT",
        default="",
        help="tone:HZ, FILE.wav, music, silence, echo or device",
    )
    what.add_argument("--reject", metavar="CODE", type=int, help="refuse with this status")
    what.add_argument("--redirect", metavar="URI", default="", help="send callers there (302)")
    softphone_flags(parser)
    parser.add_argument(
        "--ring", metavar="DEVICE", help="ring there until it is decided (empty: the default)"
    )
    parser.add_argument("--after", metavar="S", type=float, default=0.0, help="let it ring for S")
    parser.add_argument("--record", metavar="DIR", type=Path, help="record each call into a file")
    parser.add_argument("--user", metavar="PATTERN", default="*", help="only calls to these users")
    parser.add_argument("--count", metavar="N", type=int, help="stop after N calls")
    parser.add_argument("--duration", metavar="S", type=float, help="hang up after S seconds")
    codec_flag(parser, "answer with this one of the setting media.codecs; may be repeated")
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
    source = Echo() if options.echo else source_of(options.play or "silence")
    await phone_of(options.play, options).check()
    if options.ring is not None:
        await check_device(options.ring, output=True)
    if options.record is not None:
        options.record.mkdir(parents=True, exist_ok=True)
    async with some_engine(options.run_dir, options.sip or SIP) as engine:
        await _take_calls(engine, options, source, output, stop)
    return 0


def _terminal(options: AnswerOptions) -> Terminal | None:
    """Return where to ask, None if it is clear what to do or nobody is there."""
    plays = options.play and not is_device(options.play)
    told = options.echo or plays or options.reject is not None or options.redirect
    if told or options.json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    return Terminal()


async def _take_calls(
    engine: Engine,
    options: AnswerOptions,
    source: AnySource,
    output: Output,
    stop: asyncio.Event,
) -> None:
    """Take each call in a task of its own, so that none waits for another."""
    terminal = _terminal(options)
    async with engine.incoming(options.user) as calls, asyncio.TaskGroup() as group:
        end = group.create_task(_close_when(stop, calls))
        where = ", ".join(engine.listeners)
        output.tell("ready", f"waiting for calls at {where}", facts={"listeners": engine.listeners})
        taken = 0
        async for call in calls:
            group.create_task(_handle(call, options, source, output, stop, terminal))
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
    terminal: Terminal | None,
) -> None:
    output.event(call.event, in_words(call.event))
    deciding = asyncio.create_task(_decide(call, options, source, output, terminal))
    try:
        live, phone = options.count == 1, phone_of(options.play, options)
        await attend(call, output, stop, phone=phone, duration=options.duration, live=live)
    finally:
        deciding.cancel()


async def _decide(
    call: IncomingCall,
    options: AnswerOptions,
    source: AnySource,
    output: Output,
    terminal: Terminal | None,
) -> None:
    try:
        decision = await _decision(call, options, terminal)
        match decision:
            case Answer():
                await call.answer(
                    play=source,
                    record=_recording(options.record, call),
                    codecs=options.codec or (),
                )
            case Reject(status=status):
                await call.reject(status)
            case Redirect(uri=uri):
                await call.redirect(uri)
            case _:
                assert_never(decision)
    except (CallFailed, CallEndedError):
        pass  # the caller gave up; its end is reported as any other
    except OffhookError as error:
        output.tell("error", f"cannot answer: {error}", call=call.id, facts={"reason": str(error)})
        await call.hang_up()


async def _decision(
    call: IncomingCall, options: AnswerOptions, terminal: Terminal | None
) -> Decision:
    """Return what the flags say, or whoever is at the terminal; a call that may be taken rings."""
    if options.reject is not None:
        return Reject(options.reject)
    if options.redirect:
        return Redirect(options.redirect)
    await call.ring()
    async with contextlib.nullcontext() if options.ring is None else ringing(options.ring):
        await asyncio.sleep(options.after)
        return Answer() if terminal is None else await terminal.decide(f"{call.from_uri} calls")


def _recording(folder: Path | None, call: IncomingCall) -> str:
    if folder is None:
        return ""
    return str(folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{call.id}.wav")


ANSWER = Command("answer", "take calls", AnswerOptions, _flags, _run)
