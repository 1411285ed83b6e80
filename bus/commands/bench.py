"""``offhook bench NAME``: measures this machine, with the benches of the checkout.

They are not shipped: an installed package has none.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from bus.commands.command import Command, Options
from bus.errors import OffhookError

BENCHES = Path(__file__).resolve().parents[2] / "tools" / "bench"


class BenchOptions(Options, frozen=True, kw_only=True):
    """The flags."""

    name: str
    options: list[str]


class NoBenchesError(OffhookError):
    """Benches are in a checkout only."""


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="media, signaling, echo, network, stall ...")
    text = "options of the bench, behind -- if they begin with one (-- --help)"
    parser.add_argument("options", metavar="OPTION", nargs="*", help=text)


def _run(options: BenchOptions) -> int:
    if not BENCHES.is_dir():
        raise NoBenchesError(f"benches run from a checkout: there is no {BENCHES}")
    command = [sys.executable, str(BENCHES), options.name, *options.options]
    return subprocess.run([*command, *["--json"] * options.json], check=False).returncode


BENCH = Command("bench", "measure this machine (from a checkout)", BenchOptions, _flags, _run)
