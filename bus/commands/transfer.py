"""``offhook transfer CALL URI|CALL``: send the peer of a call to somebody, and say how it goes.

Exit codes: 0 it got there; 1 usage, or the call ended meanwhile; 4 the target is busy or refused;
5 no answer; 6 unreachable; 130 interrupted, the peer was taken back.
"""

import argparse
import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from bus.asking import AGREE_WITHIN
from bus.calls import Ended, Ok
from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output
from bus.commands.reaching import interrupted, running_engine
from bus.commands.showing import in_words
from bus.engine import Engine
from bus.errors import BadRequestError, EngineLostError
from bus.feed import Feed, Observed
from bus.ids import CallId
from bus.transfers import CancelTransfer, Transfer, TransferEnded, TransferProgress

LOST, REFUSED, NO_ANSWER, UNREACHABLE, INTERRUPTED = 1, 4, 5, 6, 130
EXIT_CODES: Final = {
    0: NO_ANSWER,
    408: NO_ANSWER,
    480: NO_ANSWER,
    487: NO_ANSWER,
    404: UNREACHABLE,
    502: UNREACHABLE,
    503: UNREACHABLE,
    504: UNREACHABLE,
}
"""By the final SIP status (0: none came) of a transfer that failed; any other is a refusal."""


class TransferOptions(Options, frozen=True):
    """Flags of ``transfer``."""

    call: str
    to: str
    timeout: float = 30.0
    header: tuple[str, ...] = ()
    no_hold: bool = False


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("call", metavar="CALL", help="whose peer; see: offhook calls")
    parser.add_argument("to", metavar="URI|CALL", help="to whom: a URI, or the peer of a call")
    parser.add_argument(
        "--timeout", metavar="S", type=float, default=30.0, help="give up after (default 30)"
    )
    parser.add_argument(
        "--header",
        metavar="NAME:VALUE",
        action="append",
        default=[],
        help="of the REFER; may be repeated",
    )
    parser.add_argument("--no-hold", action="store_true", help="do not hold the peer meanwhile")
    run_dir_flag(parser, "the engine that is meant")


def _run(options: TransferOptions) -> int:
    return asyncio.run(_transfer(options, request_of(options)))


def request_of(options: TransferOptions) -> Transfer:
    """Return what is asked.  Raises BadRequestError for a header without a colon."""
    is_uri = ":" in options.to
    return Transfer(
        call=CallId(options.call),
        uri=options.to if is_uri else "",
        other=CallId("" if is_uri else options.to),
        timeout=options.timeout,
        headers=tuple(map(_header, options.header)),
        hold=not options.no_hold,
    )


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise BadRequestError(f"--header {text}: give NAME:VALUE")
    return name.strip(), value.strip()


async def _transfer(options: TransferOptions, request: Transfer) -> int:
    output, stop = Output(options.json), interrupted()
    async with running_engine(options.run_dir) as engine:
        feed = engine.events(("call",))
        await feed.ready()
        await engine.ask(request, Ok, within=AGREE_WITHIN)
        output.tell("transferring", f"transferring {options.call}", call=options.call)
        cancelling = asyncio.create_task(_cancel_when(stop, engine, request.call))
        try:
            async with asyncio.timeout(options.timeout + AGREE_WITHIN):
                code = await _report(feed, request.call, output)
        except TimeoutError:
            raise EngineLostError("the engine has not told how the transfer ended") from None
        finally:
            cancelling.cancel()
    return INTERRUPTED if code and stop.is_set() else code


async def _cancel_when(stop: asyncio.Event, engine: Engine, call: CallId) -> None:
    await stop.wait()
    engine.tell(CancelTransfer(call=call))


async def _report(feed: Feed, call: CallId, output: Output) -> int:
    async for item in _of_call(feed, call):
        output.event(item.event, in_words(item.event), item.at)
        match item.event:
            case TransferEnded() as ended:
                return exit_code(ended)
            case Ended():
                return LOST
            case _:
                pass
    return LOST


async def _of_call(feed: Feed, call: CallId) -> AsyncGenerator[Observed, None]:
    """Yield what is told of the transfer of a call, and of its end."""
    async for item in feed:
        if (
            isinstance(item, Observed)
            and isinstance(item.event, TransferProgress | TransferEnded | Ended)
            and item.event.call == call
        ):
            yield item


def exit_code(ended: TransferEnded) -> int:
    """Return what the process ends with."""
    return 0 if ended.ok else EXIT_CODES.get(ended.status, REFUSED)


TRANSFER = Command("transfer", "send the peer to somebody else", TransferOptions, _flags, _run)
