"""Everything from nothing: set-up, peers, format, lint, types, tests.

    python3 tools/check.py

Makes ``.venv``, installs the foreign peers that the tests talk to (Debian packages, when we are
root and apt is there; otherwise it names them, and the tests that need them are skipped visibly),
then runs every check and does not stop at the first that fails.  With ``CI=true`` or
``OFFHOOK_REQUIRE_PEERS=1`` a missing peer is a failure.

The tests run twice: those that only compute, side by side; then those with real processes and real
time, in two lanes, one after the other in each.  Each lane is a network namespace of its own where
that is allowed: nobody else's packets, no port that somebody else has.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.setting_up import ROOT, apt_install, can_apt, say, venv

PEERS = {
    "sipp": "sip-tester",
    "baresip": "baresip-core",
    "ip": "iproute2",
    "unshare": "util-linux",
    "linphonec": "linphone-cli",
    "kamailio": "kamailio",
    "tls.so": "kamailio-tls-modules",
    "websocket.so": "kamailio-websocket-modules",
    "dnsmasq": "dnsmasq-base",
    "openssl": "openssl",
    "multimon-ng": "multimon-ng",
    "pulseaudio": "pulseaudio",
    "pactl": "pulseaudio-utils",
    "doc/libportaudio2": "libportaudio2",
    "doc/libasound2-plugins": "libasound2-plugins",
    "asterisk/sounds": "asterisk-core-sounds-en-wav",
    "doc/libbcg729-0": "libbcg729-0",
}
"""Programs, modules of kamailio and folders of /usr/share, and the packages they are in."""
REAL_TIME = (
    "tests/peers",
    "tests/system",
    "tests/bus/commands",
    "tests/bus/test_launching.py",
    "tests/bus/test_sound_cards.py",
    "tests/bus/test_supervisor.py",
    "tests/mediaworker/net/test_choice.py",
    "tests/mediaworker/test_boot.py",
    "tests/mediaworker/test_worker.py",
    "tests/tools/examples",
)
MIDDLE = "test_p"
"""Tests of the system that come before it by name are a lane of their own."""


def main() -> int:
    """Run all checks and return the exit code."""
    started = time.monotonic()
    python = venv()
    install_peers()
    bin_folder = python.parent
    with tempfile.TemporaryDirectory(prefix="offhook-check-") as folder:
        reports = [Path(folder) / f"{name}.xml" for name in ("computed", "first", "second")]
        pytest = [str(python), "-m", "pytest", "-r", "fEs"]
        apart = [f"--ignore={path}" for path in REAL_TIME]
        steps = {
            "format": [str(bin_folder / "ruff"), "format", "--check", "."],
            "lint": [str(bin_folder / "ruff"), "check", "."],
            "types (mypy)": [str(bin_folder / "mypy")],
            "types (pyright)": [str(bin_folder / "pyright")],
            "tests that compute": [*pytest, "-n", "2", *apart, f"--junitxml={reports[0]}"],
        }
        failures = [name for name, command in steps.items() if not step(name, command)]
        lanes = [
            alone([*pytest, *paths, f"--junitxml={report}"])
            for paths, report in zip(lanes_of(REAL_TIME), reports[1:], strict=True)
        ]
        failures += [] if together("tests in real time", lanes) else ["tests in real time"]
        counts = [tests(report) for report in reports]
    for name in failures:
        say(f"FAILED: {name}")
    passed, failed, skipped = (sum(column) for column in zip(*counts, strict=True))
    say(f"{'not all is well' if failures else 'all is well'}, {time.monotonic() - started:.0f} s")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failures else 0


def install_peers() -> None:
    """Install the peers that are missing, or say how."""
    lacking = missing()
    if not lacking:
        return
    if can_apt():
        for package in lacking:
            apt_install([package])
    still = missing()
    if still:
        say(f"missing test peers; install them with: sudo apt-get install -y {' '.join(still)}")


def missing() -> list[str]:
    """Return the packages whose program or module is not there."""
    return sorted(package for peer, package in PEERS.items() if not is_there(peer))


def is_there(peer: str) -> bool:
    """Whether a program, a folder of /usr/share or a module of kamailio is installed."""
    modules = Path("/usr").glob(f"lib*/*/kamailio/modules/{peer}")
    if "/" in peer:
        return Path("/usr/share", peer).is_dir()
    return bool(shutil.which(peer)) or (peer.endswith(".so") and any(modules))


def alone(command: list[str]) -> list[str]:
    """Return the command that runs a command in a network namespace with nothing but ``lo``."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    namespace = ["unshare", *user, "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    try:
        allowed = subprocess.run([*namespace, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return command
    return [*namespace, *command] if allowed.returncode == 0 else command


def step(name: str, command: list[str]) -> bool:
    """Run one check, show how it went and how long it took; return whether it passed."""
    say(name)
    started = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    verdict = "passed" if code == 0 else f"failed with {code}"
    say(f"{name}: {verdict}, {time.monotonic() - started:.0f} s")
    return code == 0


def lanes_of(paths: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Split the tests in real time into two lanes that take about as long."""
    system = sorted(map(str, (ROOT / "tests/system").glob("test_*.py")))
    long = [path for path in system if Path(path).name < MIDDLE]
    return long, [*(path for path in paths if path != "tests/system"), *system[len(long) :]]


def together(name: str, commands: list[list[str]]) -> bool:
    """Run commands side by side: the first is seen at work, what the others say is shown behind."""
    say(name)
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        running = list[tuple[subprocess.Popen[bytes], IO[bytes] | None]]()
        for command in commands:
            said: IO[bytes] | None = None
            if running:
                said = stack.enter_context(tempfile.TemporaryFile())
            running.append((subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said), said))
        codes = [process.wait() for process, _ in running]
        for _, log in running:
            if log is not None:
                log.seek(0)
                print(log.read().decode(errors="replace"), flush=True)
    verdict = "failed" if any(codes) else "passed"
    say(f"{name}: {verdict}, {time.monotonic() - started:.0f} s")
    return not any(codes)


def tests(report: Path) -> tuple[int, int, int]:
    """Return how many tests passed, failed and were skipped, from pytest's own report.

    A run that wrote no report counts as one failure.
    """
    if not report.exists():
        return 0, 1, 0
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    totals = [
        [int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")]
        for suite in suites
    ]
    every, failures, errors, skipped = (sum(column) for column in zip(*totals, strict=True))
    return every - failures - errors - skipped, failures + errors, skipped


if __name__ == "__main__":
    sys.exit(main())
