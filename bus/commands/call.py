"""``offhook call URI``: place a call, and say how it went.

Exit codes: 0 answered and ended normally; 1 usage, set-up, or lost in mid-call; 4 busy or rejected;
5 no answer; 6 unreachable; 7 media not acceptable; 130 interrupted before the answer.
"""

import argparse
import asyncio
import contextlib
from pathlib import Path
from typing import Final

from bus.audio_rings import AudioClosedError
from bus.call import Call
from bus.calls import Outcome
from bus.commands.command import Command, codec_flag, run_dir_flag
from bus.commands.output import Output
from bus.commands.reaching import interrupted, local_address, some_engine
from bus.commands.showing import in_words, live_line, quality_summary
from bus.commands.softphone import (
    Phone,
    SoftphoneOptions,
    phone_of,
    softphone_flags,
    source_of,
)
from bus.devices import DeviceError
from bus.errors import BadRequestError, RefusedError
from bus.outcomes import AnyOutcome, CallEndedError, CallFailed
from bus.uris import host_of

REDRAW: Final = 0.2
NO_PHONE: Final = Phone()

EXIT_CODES: Final = {
    Outcome.COMPLETED: 0,
    Outcome.BUSY: 4,
    Outcome.REJECTED: 4,
    Outcome.REDIRECTED: 4,
    Outcome.NO_ANSWER: 5,
    Outcome.UNREACHABLE: 6,
    Outcome.MEDIA_NOT_ACCEPTABLE: 7,
    Outcome.CANCELLED: 130,
    Outcome.FAILED: 1,
}


class CallOptions(SoftphoneOptions, frozen=True):
    """Flags of ``call``."""

    uri: str
    play: str = "silence"
    record: Path | None = None
    dtmf: str = ""
    duration: float | None = None
    ring_timeout: float = 60.0
    user: str = ""
    password: str = ""
    from_uri: str = ""
    srtp: str = ""
    codec: list[str] | None = None


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("uri", metavar="URI", help="whom to call, sip:USER@HOST[:PORT]")
    run_dir_flag(parser, "use the engine that runs there; else a private one is started")
    parser.add_argument(
        "--play",
        metavar="WHAT",
        default="silence",
        help="tone:HZ, FILE.wav, music, silence, echo or device",
    )
    softphone_flags(parser)
    parser.add_argument("--record", metavar="FILE.wav", type=Path, help="us left, the callee right")
    parser.add_argument(
        "--dtmf", metavar="DIGITS", default="", help="keys to send after the answer"
    )
    parser.add_argument("--duration", metavar="S", type=float, help="hang up S seconds after it")
    parser.add_argument(
        "--ring-timeout", metavar="S", type=float, default=60.0, help="give up after (default 60)"
    )
    parser.add_argument("--user", metavar="U", default="", help="user for a digest challenge")
    parser.add_argument("--password", metavar="P", default="", help="its password")
    parser.add_argument("--from", metavar="URI", dest="from_uri", default="", help="who we are")
    parser.add_argument(
        "--srtp", metavar="POLICY", default="", help="off, offer or require (default: the setting)"
    )
    codec_flag(parser, "offer this codec; may be repeated, best first (default: the setting)")


def _run(options: CallOptions) -> int:
    return asyncio.run(_place(options))


async def _place(options: CallOptions) -> int:
    output, stop = Output(options.json), interrupted()
    play, phone = source_of(options.play), phone_of(options.play, options)
    if not (host := host_of(options.uri)):
        raise BadRequestError(f"{options.uri!r} is not a SIP URI (sip:USER@HOST[:PORT])")
    await phone.check()
    here = local_address(host)
    async with some_engine(options.run_dir, (f"udp:{here}:0", f"tcp:{here}:0")) as engine:
        call = await engine.dial(
            options.uri,
            play=play,
            record=options.record or "",
            ring_timeout=options.ring_timeout,
            user=options.user,
            password=options.password,
            from_uri=options.from_uri,
            srtp=options.srtp,
            codecs=options.codec or (),
        )
        output.tell("dialled", f"calling {call.uri}", call=call.id, facts={"uri": call.uri})
        outcome = await attend(
            call, output, stop, phone=phone, dtmf=options.dtmf, duration=options.duration
        )
    return EXIT_CODES[outcome.event.outcome]


async def attend(
    call: Call,
    output: Output,
    stop: asyncio.Event,
    *,
    phone: Phone = NO_PHONE,
    dtmf: str = "",
    duration: float | None = None,
    live: bool = True,
) -> AnyOutcome:
    """Stay with a call until it ends: speak, report, send digits, hang up in time or if told to.

    A call that takes its place is stayed with in the same way.
    """
    async with asyncio.TaskGroup() as group:
        helpers = [
            group.create_task(_follow_script(call, dtmf, duration)),
            group.create_task(_hang_up_when(stop, call)),
            group.create_task(_speak(call, phone, output)),
        ]
        if live and output.has_live_line:
            helpers.append(group.create_task(_draw(call, output)))
        await _report(call, output)
        for helper in helpers:
            helper.cancel()
    if call.replaced_by is not None:
        return await attend(
            call.replaced_by, output, stop, phone=phone, duration=duration, live=live
        )
    return await call.ended()


async def _report(call: Call, output: Output) -> None:
    async for event in call.events():
        output.event(event, in_words(event))
    output.live("")
    if call.quality is not None and not output.as_json:
        output.tell("quality", quality_summary(call.quality))
    if call.outcome is not None and call.outcome.record and not output.as_json:
        output.tell("record", f"recorded in {call.outcome.record}")


async def _follow_script(call: Call, dtmf: str, duration: float | None) -> None:
    with contextlib.suppress(CallFailed, CallEndedError):
        await call.answered()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(duration):
                if dtmf:
                    await call.send_digits(dtmf)
                await call.ended()
        await call.hang_up()


async def _speak(call: Call, phone: Phone, output: Output) -> None:
    try:
        await phone.take(call)
    except (CallFailed, CallEndedError):
        pass  # its end is reported as any other
    except (DeviceError, RefusedError, AudioClosedError) as error:
        output.tell("error", f"no sound: {error}", call=call.id, facts={"reason": str(error)})


async def _hang_up_when(stop: asyncio.Event, call: Call) -> None:
    await stop.wait()
    await call.hang_up()


async def _draw(call: Call, output: Output) -> None:
    while True:
        output.live(live_line(call, await call.measure()))
        await asyncio.sleep(REDRAW)


CALL = Command("call", "place a call", CallOptions, _flags, _run)
