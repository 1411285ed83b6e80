"""``offhook register`` and ``offhook registrations``: be reachable at a registrar; who is.

Exit codes of ``register``: 0 interrupted, and the registrar has let us go; 1 usage or set-up;
4 the registrar refused.
"""

import argparse
import asyncio
import os
import time
from pathlib import Path
from typing import Final

from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output, table
from bus.commands.reaching import interrupted, running_engine
from bus.commands.showing import registration_in_words
from bus.errors import BadRequestError
from bus.registering import Registration, RegistrationState
from bus.registrations import RegistrationInfo

PASSWORD: Final = "OFFHOOK_PASSWORD"
REFUSED: Final = 4
HEAD = ("AOR", "STATE", "SECONDS", "CONTACT", "REGISTRAR", "LAST", "OWNER")


class RegisterOptions(Options, frozen=True):
    """Flags of ``register``."""

    aor: str
    registrar: str = ""
    user: str = ""
    password_file: Path | None = None
    expires: float = 3600.0


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("aor", metavar="AOR", help="whom to register, sip:USER@DOMAIN")
    parser.add_argument(
        "--registrar", metavar="URI", default="", help="where (default: AOR's domain)"
    )
    parser.add_argument(
        "--user", metavar="U", default="", help="user for a digest challenge (default: AOR's)"
    )
    parser.add_argument(
        "--password-file",
        metavar="F",
        type=Path,
        help=f"its password is the first line of this file (default: ${PASSWORD})",
    )
    parser.add_argument(
        "--expires", metavar="S", type=float, default=3600.0, help="what we ask for (default 3600)"
    )
    run_dir_flag(parser, "the engine that is meant")


def _run(options: RegisterOptions) -> int:
    return asyncio.run(_register(options, password(options.password_file)))


def password(file: Path | None) -> str:
    """Return the password; never an argument, which all users of the machine could read."""
    if file is None:
        return os.environ.get(PASSWORD, "")
    lines = file.read_text().splitlines()
    if not lines:
        raise BadRequestError(f"{file} is empty")
    return lines[0]


async def _register(options: RegisterOptions, secret: str) -> int:
    output, stop = Output(options.json), interrupted()
    async with running_engine(options.run_dir) as engine:
        registration = await engine.register(
            options.aor,
            password=secret,
            user=options.user,
            registrar=options.registrar,
            expires=options.expires,
        )
        async with asyncio.TaskGroup() as group:
            ending = group.create_task(_unregister_when(stop, registration))
            code = await _report(registration, output)
            ending.cancel()
    return code


async def _unregister_when(stop: asyncio.Event, registration: Registration) -> None:
    await stop.wait()
    await registration.unregister()


async def _report(registration: Registration, output: Output) -> int:
    async for info in registration.changes():
        output.tell("registration", registration_in_words(info), facts=info)
        if info.state == RegistrationState.REJECTED:
            return REFUSED
    return 0


# ------------------------------------------------------------------------------ all of them


def _list_flags(parser: argparse.ArgumentParser) -> None:
    run_dir_flag(parser, "the engine that is meant")


def _list(options: Options) -> int:
    return asyncio.run(_show(options))


async def _show(options: Options) -> int:
    async with running_engine(options.run_dir) as engine:
        infos = await engine.registrations()
    output = Output(options.json)
    if not options.json:
        now = time.time()
        output.tell("registrations", table([HEAD, *(row(info, now) for info in infos)]))
        return 0
    for info in infos:
        output.tell("registration", "", facts=info)
    return 0


def row(info: RegistrationInfo, now: float) -> tuple[str, ...]:
    """Return a registration as a row of the table; ``now`` is Unix time."""
    left = f"{info.expires_at - now:.0f}" if info.expires_at else ""
    last = f"{info.status or ''} {info.reason}".strip()
    return (info.aor, info.state, left, info.contact, info.registrar, last, info.owner)


REGISTER = Command(
    "register", "be reachable at a registrar, until Ctrl-C", RegisterOptions, _flags, _run
)
REGISTRATIONS = Command("registrations", "all registrations", Options, _list_flags, _list)
