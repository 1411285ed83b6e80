"""``offhook up``: the supervisor, in the foreground, until SIGTERM or Ctrl-C."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.reaching import chosen
from bus.loading import load_settings
from bus.supervisor import run as supervise


class UpOptions(Options, frozen=True):
    """Flags of ``up``."""

    config: Path | None = None
    workers: int | None = None
    sip: list[str] | None = None
    with_stdin: bool = False


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="F", type=Path, help="TOML file with settings")
    parser.add_argument("--workers", metavar="N", type=int, help="media workers (0: by the cores)")
    parser.add_argument(
        "--sip", metavar="udp:HOST:PORT", action="append", help="SIP listener; may be repeated"
    )
    run_dir_flag(parser, "where its sockets and tables are")
    parser.add_argument("--with-stdin", action="store_true", help=argparse.SUPPRESS)


def _run(options: UpOptions) -> int:
    overrides: dict[str, object] = {}
    if options.workers is not None:
        overrides["media.workers"] = options.workers
    if options.sip is not None:
        overrides["sip.listen"] = tuple(options.sip)
    settings = load_settings(options.config, os.environ, overrides)
    if options.with_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    return supervise(settings, chosen(options.run_dir), as_json=options.json)


def _end_with_stdin() -> None:
    """Stop when whoever holds the other end of the pipe is gone, however it went."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


UP = Command("up", "start the engine and keep it running", UpOptions, _flags, _run)
