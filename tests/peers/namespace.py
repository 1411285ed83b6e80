"""A network namespace with nothing but ``lo``: where messages may name any host they like."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent


def wrapped(command: list[str]) -> list[str]:
    """Return the command that runs a command in a fresh namespace, which ends with it.

    Without root it is root in a user namespace of its own.
    """
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    bring_up = 'ip link set lo up && exec "$@"'
    return ["unshare", *user, "--net", "sh", "-c", bring_up, "sh", *command]


def available() -> bool:
    """Whether this machine lets us make a namespace."""
    if not (shutil.which("unshare") and shutil.which("ip")):
        return False
    return subprocess.run(wrapped(["true"]), capture_output=True, check=False).returncode == 0


def run_module(module: str, *arguments: str, seconds: float) -> str:
    """Run ``python -m module`` from the checkout in a namespace and return what it printed."""
    done = subprocess.run(
        wrapped([sys.executable, "-m", module, *arguments]),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{module} failed:\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}"
    return done.stdout
