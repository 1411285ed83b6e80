"""``offhook dtmf``: send digits in a call."""

import argparse
import asyncio

from bus.calls import Ok, SendDigits
from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output
from bus.commands.reaching import running_engine
from bus.ids import CallId


class DtmfOptions(Options, frozen=True):
    """Flags of ``dtmf``."""

    call: str
    digits: str
    duration_ms: int = 100
    gap_ms: int = 60
    method: str = "auto"


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("call", metavar="CALL", help="see: offhook calls")
    parser.add_argument("digits", metavar="DIGITS", help="0-9 * # A-D")
    parser.add_argument("--duration-ms", metavar="MS", type=int, default=100, help="of a digit")
    parser.add_argument("--gap-ms", metavar="MS", type=int, default=60, help="between digits")
    parser.add_argument(
        "--method",
        choices=("auto", "rfc4733", "info", "info-dtmf", "inband"),
        default="auto",
        help="how (default: RFC 4733 if negotiated, else INFO if allowed, else in-band)",
    )
    run_dir_flag(parser, "the engine that is meant")


def _run(options: DtmfOptions) -> int:
    return asyncio.run(_send(options))


async def _send(options: DtmfOptions) -> int:
    request = SendDigits(
        call=CallId(options.call),
        digits=options.digits,
        duration_ms=options.duration_ms,
        gap_ms=options.gap_ms,
        method=options.method,
    )
    async with running_engine(options.run_dir) as engine:
        await engine.ask(request, Ok)
    text = f"queued {options.digits} in {options.call}"
    Output(options.json).tell(
        "digits_queued", text, call=options.call, facts={"digits": options.digits}
    )
    return 0


DTMF = Command("dtmf", "send digits in a call", DtmfOptions, _flags, _run)
