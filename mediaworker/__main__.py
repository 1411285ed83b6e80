"""Starts a media worker, or a standby that becomes one when it is told to.

    python -P -m mediaworker --run-dir D --settings F --worker w0 [--parent PID]
    python -P -m mediaworker --run-dir D --settings F --standby NAME [--parent PID]

Exit codes: 0 ended as it should, 1 could not start, 42 the settings are wrong.
"""

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import Final

from bus.errors import OffhookError, SettingsError
from bus.ids import WorkerId
from bus.loading import read_settings
from bus.logs import configure
from bus.rundir import leave
from mediaworker.boot import Boot

log = logging.getLogger(__name__)

WRONG_SETTINGS: Final = 42


def arguments(words: list[str]) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(prog="mediaworker")
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--settings", type=Path, required=True)
    role = parser.add_mutually_exclusive_group()
    role.add_argument("--worker", default="", help="name, default: by process id")
    role.add_argument("--standby", default="", help="name while it waits")
    parser.add_argument("--parent", type=int, help="process to watch")
    return parser.parse_args(words)


def main() -> int:
    """Entry point."""
    options = arguments(sys.argv[1:])
    name: str = options.standby or options.worker or f"worker-{os.getpid()}"
    try:
        settings = read_settings(options.settings)
    except SettingsError as error:
        configure("info", name)
        log.error("%s", error)
        return WRONG_SETTINGS
    configure(settings.log.level, name)
    try:
        boot = Boot(settings, options.run_dir, name, options.parent)
        worker = boot.stand_by() if options.standby else WorkerId(name)
        return 0 if worker is None else boot.become(worker)
    except (OffhookError, OSError) as error:
        log.error("cannot start: %s", error)
        return 1
    finally:
        leave(options.run_dir)


if __name__ == "__main__":
    sys.exit(main())
