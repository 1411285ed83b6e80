"""The command ``offhook``: finds the command, runs it, and says in one line what went wrong."""

import argparse
import asyncio
import logging
import sys
import traceback
from collections.abc import Sequence
from typing import Any, Final, NoReturn, cast

import msgspec

from bus.commands.answer import ANSWER
from bus.commands.bench import BENCH
from bus.commands.bridge import BRIDGE, UNBRIDGE
from bus.commands.call import CALL
from bus.commands.calls import CALLS
from bus.commands.check_config import CHECK_CONFIG
from bus.commands.command import Command
from bus.commands.conference import CONFERENCE
from bus.commands.devices import DEVICES
from bus.commands.doctor import DOCTOR
from bus.commands.dtmf import DTMF
from bus.commands.events import EVENTS
from bus.commands.gain import GAIN, MUTE, UNMUTE
from bus.commands.hangup import HANGUP
from bus.commands.hold import HOLD, RESUME
from bus.commands.play import PLAY
from bus.commands.record import RECORD
from bus.commands.register import REGISTER, REGISTRATIONS
from bus.commands.status import STATUS
from bus.commands.trace import TRACE
from bus.commands.transfer import TRANSFER
from bus.commands.up import UP
from bus.commands.workers import WORKERS
from bus.errors import OffhookError

COMMANDS: Final[tuple[Command[Any], ...]] = (
    UP,
    CALL,
    ANSWER,
    STATUS,
    CALLS,
    WORKERS,
    HANGUP,
    DTMF,
    HOLD,
    RESUME,
    TRANSFER,
    BRIDGE,
    UNBRIDGE,
    CONFERENCE,
    PLAY,
    RECORD,
    GAIN,
    MUTE,
    UNMUTE,
    REGISTER,
    REGISTRATIONS,
    EVENTS,
    TRACE,
    DEVICES,
    CHECK_CONFIG,
    DOCTOR,
    BENCH,
)

ERROR: Final = 1
INTERRUPTED: Final = 130


class _Parser(argparse.ArgumentParser):
    """Exits with 1 on wrong usage: 2 and above are for what became of a call."""

    def error(self, message: str) -> NoReturn:
        self.exit(ERROR, f"{self.prog}: {message} (see {self.prog} --help)\n")


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = _Parser(prog="offhook", description="A SIP call engine.", allow_abbrev=False)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        sub = commands.add_parser(
            command.name, help=command.summary, description=command.summary, allow_abbrev=False
        )
        command.configure(sub)
    return top


def main(words: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; errors are one line on standard error."""
    arguments = parser().parse_args(words)
    command = next(each for each in COMMANDS if each.name == arguments.command)
    try:
        return command.run(arguments)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has gone; Python would complain on exit
        return ERROR
    except Exception as error:
        sys.stderr.write(f"offhook {command.name}: {_one_line(_first(error))}\n")
        return ERROR


def _first(error: Exception) -> Exception:
    """Return what a group of errors began with."""
    while isinstance(error, ExceptionGroup):
        error = cast("ExceptionGroup[Exception]", error).exceptions[0]
    return error


def _one_line(error: Exception) -> str:
    match error:
        case OffhookError() | OSError():
            return str(error)
        case msgspec.ValidationError():
            return f"wrong usage: {error}"
        case _:
            logging.getLogger(__name__).debug("%s", "".join(traceback.format_exception(error)))
            return f"internal error: {type(error).__name__}: {error}"
