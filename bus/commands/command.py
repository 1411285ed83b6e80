"""What a command is: a name, flags, and a function of the options that the flags make.

The options are a struct, so they are typed; a flag's destination is a field's name.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What every command understands."""

    json: bool = False
    run_dir: Path | None = None


O = TypeVar("O", bound=Options)  # noqa: E741


class Command(Generic[O]):
    """One command.  ``run`` returns the exit code."""

    def __init__(
        self,
        name: str,
        summary: str,
        options: type[O],
        flags: Callable[[argparse.ArgumentParser], None],
        run: Callable[[O], int],
    ) -> None:
        self.name = name
        self.summary = summary
        self._options = options
        self._flags = flags
        self._run = run

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the flags of all commands and its own."""
        self._flags(parser)
        parser.add_argument("--json", action="store_true", help="print one JSON object a line")

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it."""
        return self._run(msgspec.convert(vars(arguments), self._options, dec_hook=_convert))


def _convert(kind: type, given: object) -> object:
    return Path(str(given)) if issubclass(kind, Path) else given


def codec_flag(parser: argparse.ArgumentParser, what: str) -> None:
    """Add ``--codec``, which may be repeated."""
    parser.add_argument("--codec", metavar="NAME", action="append", help=what)


def run_dir_flag(parser: argparse.ArgumentParser, what: str) -> None:
    """Add ``--run-dir``."""
    parser.add_argument(
        "--run-dir",
        metavar="D",
        type=Path,
        help=f"{what} (default: $XDG_RUNTIME_DIR/offhook, else a private folder)",
    )
