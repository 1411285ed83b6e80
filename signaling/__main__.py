"""``python -P -m signaling``: the signaling process, started by the supervisor or by hand."""

import argparse
import asyncio
import sys
from pathlib import Path

from bus.errors import OffhookError, SettingsError
from bus.loading import read_settings
from bus.logs import configure
from bus.rundir import leave
from bus.settings import Settings
from signaling.shell.process import Signaling

WRONG_SETTINGS = 42
"""Exit code that tells the supervisor not to try again."""


def main() -> int:
    """Run until stopped; one clear line for what a person can mend."""
    parser = argparse.ArgumentParser(prog="python -m signaling", description=__doc__)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--parent", type=int, default=0, help="process to watch")
    given = parser.parse_args()
    try:
        settings = read_settings(given.settings)
        configure(settings.log.level, "signaling")
        asyncio.run(serve(given.run_dir, given.parent, settings))
    except SettingsError as error:
        sys.stderr.write(f"signaling: {error}\n")
        return WRONG_SETTINGS
    except OffhookError as error:
        sys.stderr.write(f"signaling: {error}\n")
        return 1
    finally:
        leave(given.run_dir)
    return 0


async def serve(run_dir: Path, parent: int, settings: Settings) -> None:
    """Make the process inside its loop and run it."""
    await Signaling(run_dir, settings, parent).run()


if __name__ == "__main__":
    sys.exit(main())
