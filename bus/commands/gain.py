"""``offhook gain``, ``mute`` and ``unmute``: how loud a call is, either way."""

import argparse
import asyncio

from bus.calls import Ok
from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output
from bus.commands.reaching import running_engine
from bus.errors import BadRequestError
from bus.ids import CallId
from bus.routing import Turn


class MuteOptions(Options, frozen=True, kw_only=True):
    """Flags of ``mute`` and ``unmute``."""

    call: str
    sent: bool = False
    received: bool = False


class GainOptions(MuteOptions, frozen=True, kw_only=True):
    """Flags of ``gain``."""

    decibels: str


def _mute_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("call", metavar="CALL", help="see: offhook calls")
    parser.add_argument("--sent", action="store_true", help="what the peer hears")
    parser.add_argument("--received", action="store_true", help="what it says (the default)")
    run_dir_flag(parser, "the engine that is meant")


def _gain_flags(parser: argparse.ArgumentParser) -> None:
    _mute_flags(parser)
    parser.add_argument("decibels", metavar="DB", help="such as 6 or -3.5; 0 is as it comes")


def _directions(options: MuteOptions) -> list[str]:
    """Return which are meant."""
    named = {"sent": options.sent, "received": options.received}
    return [name for name, given in named.items() if given] or ["received"]


def _gain(options: GainOptions) -> int:
    try:
        decibels = float(options.decibels)
    except ValueError:
        raise BadRequestError(f"{options.decibels!r} is no number of dB") from None
    turned = dict.fromkeys(_directions(options), decibels)
    turn = Turn(call=CallId(options.call), received=turned.get("received"), sent=turned.get("sent"))
    asyncio.run(_turn(options, turn))
    text = f"turned {options.call} to {decibels:g} dB ({' and '.join(turned)})"
    Output(options.json).tell("turned", text, call=options.call, facts=dict(turned))
    return 0


def _mute(options: MuteOptions) -> int:
    return _set_mute(options, "muted", muted=True)


def _unmute(options: MuteOptions) -> int:
    return _set_mute(options, "unmuted", muted=False)


def _set_mute(options: MuteOptions, done: str, *, muted: bool) -> int:
    directions = _directions(options)
    turn = Turn(
        call=CallId(options.call),
        mute_received=muted if "received" in directions else None,
        mute_sent=muted if "sent" in directions else None,
    )
    asyncio.run(_turn(options, turn))
    text = f"{done} {options.call} ({' and '.join(directions)})"
    Output(options.json).tell(done, text, call=options.call, facts={"directions": directions})
    return 0


async def _turn(options: Options, turn: Turn) -> None:
    async with running_engine(options.run_dir) as engine:
        await engine.ask(turn, Ok)


GAIN = Command("gain", "make a call louder or softer", GainOptions, _gain_flags, _gain)
MUTE = Command(
    "mute", "hear a peer no more, or let it hear nothing", MuteOptions, _mute_flags, _mute
)
UNMUTE = Command("unmute", "take that back", MuteOptions, _mute_flags, _unmute)
