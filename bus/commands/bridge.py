"""``offhook bridge`` and ``offhook unbridge``: let two callers hear each other, and part them."""

import argparse
import asyncio

from bus.calls import Ok
from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output
from bus.commands.reaching import running_engine
from bus.ids import CallId
from bus.routing import Bridge, Unbridge


class BridgeOptions(Options, frozen=True):
    """Flags of ``bridge``."""

    call: str
    other: str


class UnbridgeOptions(Options, frozen=True):
    """Flags of ``unbridge``."""

    call: str


def _unbridge_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("call", metavar="CALL", help="see: offhook calls")
    run_dir_flag(parser, "the engine that is meant")


def _bridge_flags(parser: argparse.ArgumentParser) -> None:
    _unbridge_flags(parser)
    parser.add_argument("other", metavar="CALL", help="another call")


def _bridge(options: BridgeOptions) -> int:
    return asyncio.run(_ask_bridge(options))


async def _ask_bridge(options: BridgeOptions) -> int:
    async with running_engine(options.run_dir) as engine:
        await engine.ask(Bridge(call=CallId(options.call), other=CallId(options.other)), Ok)
    text = f"bridged {options.call} with {options.other}"
    facts = {"other": options.other}
    Output(options.json).tell("bridged", text, call=options.call, facts=facts)
    return 0


def _unbridge(options: UnbridgeOptions) -> int:
    return asyncio.run(_ask_unbridge(options))


async def _ask_unbridge(options: UnbridgeOptions) -> int:
    async with running_engine(options.run_dir) as engine:
        await engine.ask(Unbridge(call=CallId(options.call)), Ok)
    Output(options.json).tell("unbridged", f"unbridged {options.call}", call=options.call)
    return 0


BRIDGE = Command("bridge", "let two callers hear each other", BridgeOptions, _bridge_flags, _bridge)
UNBRIDGE = Command(
    "unbridge", "part two bridged calls", UnbridgeOptions, _unbridge_flags, _unbridge
)
