"""Runs a bench in the checkout's own environment: ``python3 tools/bench NAME [options]``."""

import importlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # in place of this folder, whose modules have the names of packages

from tools.setting_up import venv  # noqa: E402


def names() -> list[str]:
    """Return the benches there are: the modules here that have a ``main``."""
    modules = sorted(Path(__file__).parent.glob("[a-z]*.py"))
    return [path.stem for path in modules if "\ndef main(" in path.read_text()]


def main() -> int:
    """Return the exit code of the bench."""
    wanted = sys.argv[1:2]
    if not wanted or wanted[0] not in names():
        print(f"usage: python3 tools/bench NAME [options]; NAME is {', '.join(names())}")
        return 2
    python = str(venv())
    if Path(sys.prefix) != Path(python).parent.parent:
        os.execv(python, [python, str(Path(__file__).parent), *sys.argv[1:]])
    code = importlib.import_module(f"tools.bench.{wanted[0]}").main(sys.argv[2:])
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
