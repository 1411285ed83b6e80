"""``offhook check-config``: whether the settings are right, and what they come to."""

import argparse
import os
from pathlib import Path

import msgspec

from bus.commands.command import Command, Options
from bus.commands.output import Output, table
from bus.loading import describe, load_settings
from bus.settings import Settings


class CheckOptions(Options, frozen=True):
    """Flags of ``check-config``."""

    file: Path | None = None
    config: Path | None = None


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="F", nargs="?", type=Path, help="TOML file with settings")
    parser.add_argument("--config", metavar="F", type=Path, help="the same, as for up")


def _run(options: CheckOptions) -> int:
    settings = load_settings(options.file or options.config, os.environ, {})
    values = _values(settings)
    Output(options.json).tell("settings", _text(values), facts={"settings": settings})
    return 0


def _values(settings: Settings) -> dict[str, object]:
    return {
        f"{section}.{key}": value
        for section, part in msgspec.to_builtins(settings).items()
        for key, value in part.items()
    }


def _text(values: dict[str, object]) -> str:
    """Return each setting with its value (``*``: not the default) and its meaning."""
    rows = [
        (("*" if shown != row.default else " ") + row.key, shown, row.meaning)
        for row in describe()
        for shown in [msgspec.json.encode(values[row.key]).decode()]
    ]
    return f"{table(rows)}\nthe settings are right (* differs from the default)"


CHECK_CONFIG = Command("check-config", "whether the settings are right", CheckOptions, _flags, _run)
