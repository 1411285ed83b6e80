"""From a fresh clone to a working ``.venv``: Python 3.11 or newer and git are all it takes.

``venv()`` makes ``.venv`` in the checkout and installs the project into it, editable, with what the
checks need.  When neither ``pyproject.toml`` nor the Python nor the place has changed since, it
does nothing.  ``apt_install()`` is for the rest, where we are root on Debian or Ubuntu.

Runs before anything is installed: the standard library only.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "offhook-set-up"
OLDEST = (3, 11)


def venv() -> Path:
    """Return the Python of the checkout's own environment, made or refreshed if need be.

    Exits with a message that says what to do if it cannot be made.
    """
    wanted = _digest()
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return PYTHON
    started = time.monotonic()
    if not _usable():
        _make_venv()
    say("installing the project and its tools into .venv (a minute or two the first time)")
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    run([*pip, "--progress-bar", "on", "--editable", f"{ROOT}[dev]"])
    STAMP.write_text(wanted)
    say(f"set up in {time.monotonic() - started:.0f} s")
    return PYTHON


def _digest() -> str:
    """Return a digest of all that decides what has to be in the environment."""
    content = (ROOT / "pyproject.toml").read_bytes()
    return hashlib.sha256(content + f"{ROOT} {_base_python()}".encode()).hexdigest()


def _base_python() -> str:
    return f"{sys.base_prefix} {sys.version_info.major}.{sys.version_info.minor}"


def _usable() -> bool:
    """Whether there is an environment already with a pip that starts."""
    if not PYTHON.exists():
        return False
    version = [str(PYTHON), "-m", "pip", "--version"]
    return subprocess.run(version, capture_output=True, check=False).returncode == 0


def _make_venv() -> None:
    if sys.version_info < OLDEST:
        stop(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}")
    if find_spec("ensurepip") is None:
        exact = f"python3.{sys.version_info.minor}-venv"
        say(f"this Python cannot make environments: it lacks ensurepip ({exact})")
        if not (apt_install(["python3-venv"]) and _ensurepip_works()):
            apt_install([exact])
        if not _ensurepip_works():
            stop(f"install it with: sudo apt-get install -y {exact}")
    say(f"making {VENV}")
    run([sys.executable, "-m", "venv", "--clear", str(VENV)])


def _ensurepip_works() -> bool:
    """Ask a new interpreter, because this one may remember that the module was missing."""
    check = [sys.executable, "-c", "import ensurepip"]
    return subprocess.run(check, capture_output=True, check=False).returncode == 0


def apt_install(packages: Sequence[str]) -> bool:
    """Install Debian packages if we are root and there is apt; return whether that worked."""
    if not can_apt():
        return False
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    say(f"apt-get install {' '.join(packages)}")
    for attempt in (["true"], ["apt-get", "update", "-qq"]):
        subprocess.run(attempt, env=environ, stdout=subprocess.DEVNULL, check=False)
        if subprocess.run(install, env=environ, capture_output=True, check=False).returncode == 0:
            return True
    return False


def can_apt() -> bool:
    """Whether packages can be installed without asking anybody."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def run(command: Sequence[str]) -> None:
    """Run a command in the checkout; exit with its code if it fails."""
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code:
        stop(f"failed ({code}): {' '.join(command)}")


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"-- {text}", flush=True)


def stop(text: str) -> None:
    """End with a message."""
    sys.exit(f"-- {text}")
