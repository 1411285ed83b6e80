import os
import resource
import subprocess
import sys
import time
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

from bus.children import Role
from bus.errors import LaunchError
from bus.processes import Commands, environment, home, renice
from bus.rundir import LOCK_DESCRIPTOR

ROOT = Path(__file__).resolve().parent.parent.parent
ASK = """
import os, resource, signal, stat, sys
print(os.readlink('/proc/self/fd/0'))
print(os.path.sameopenfile(1, 2))
print(os.readlink('/proc/self/fd/{lock}'))
print(os.getsid(0) == os.getpid())
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
print(sorted(int(each) for each in os.listdir('/proc/self/fd'))[:5])
sys.stdin.read()
while resource.getrlimit(resource.RLIMIT_CORE) != (0, 0):
    pass
"""
SPAWN = """
import os, sys
from pathlib import Path
from bus.processes import *
lock = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT)
os.dup2(os.open(sys.argv[3], os.O_RDWR | os.O_CREAT), 2)
extra = os.pipe()
pid = spawn([sys.executable, '-c', sys.argv[1]], os.environ, lock)
while not (ended := list(reap())):
    pass
assert ended == [(pid, 0)], ended
assert list(reap()) == []
"""
LEAVE = """
import os, subprocess, sys, time
from bus.processes import *
adopt_descendants()
child = subprocess.Popen([sys.executable, '-c',
    'import subprocess, sys; print(subprocess.Popen(["sleep", sys.argv[1]], stdout=2).pid)',
    sys.argv[1]], stdout=subprocess.PIPE)
print(int(child.communicate()[0]))
end_descendants(float(sys.argv[2]))
"""


def python(script: str, *words: object) -> str:
    line = [sys.executable, "-c", script, *map(str, words)]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout


def test_a_child_starts_clean(tmp_path: Path) -> None:
    ask = ASK.format(lock=LOCK_DESCRIPTOR)
    python(SPAWN, ask, tmp_path / "w0.lock", tmp_path / "said")
    said = (tmp_path / "said").read_text().splitlines()
    assert said[:5] == ["/dev/null", "True", str(tmp_path / "w0.lock"), "True", "True"]
    assert said[5] == f"[0, 1, 2, {LOCK_DESCRIPTOR}, {LOCK_DESCRIPTOR + 1}]"


def test_what_our_children_leave_behind_is_awaited(tmp_path: Path) -> None:
    pid = int(python(LEAVE, 0.2, 60))
    assert not Path(f"/proc/{pid}").exists()


def test_what_does_not_end_is_killed(tmp_path: Path) -> None:
    began = time.monotonic()
    pid = int(python(LEAVE, 600, 0.1))
    assert time.monotonic() - began < 60
    assert not Path(f"/proc/{pid}").exists()


def test_the_command_lines_are_the_contract_s() -> None:
    commands = Commands(signaling=("s",), mediaworker=("m",))
    run_dir, settings = Path("/r"), Path("/r/settings.json")
    common = ["--run-dir", "/r", "--settings", "/r/settings.json"]
    parent = ["--parent", str(os.getpid())]
    lines = [commands.line(role, "x", run_dir, settings) for role in Role]
    assert lines == [
        ["s", *common, *parent],
        ["m", *common, "--worker", "x", *parent],
        ["m", *common, "--standby", "x", *parent],
    ]
    assert Commands().signaling == (sys.executable, "-P", "-m", "signaling")


def test_all_packages_come_from_this_checkout() -> None:
    assert home() == ROOT


def test_a_package_from_elsewhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "signaling").mkdir()
    (tmp_path / "signaling" / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "signaling", raising=False)
    with pytest.raises(LaunchError, match=f"bus from {ROOT}, signaling from {tmp_path}"):
        home()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "meta_path", [PathFinder])
    monkeypatch.delitem(sys.modules, "mediaworker", raising=False)
    monkeypatch.delitem(sys.modules, "signaling", raising=False)
    with pytest.raises(LaunchError, match="the package signaling is missing"):
        home()


def test_the_place_comes_first_on_the_path() -> None:
    alone = {"OPENBLAS_NUM_THREADS": "1"}
    assert environment(Path("/a"), {"X": "1"}) == {**alone, "X": "1", "PYTHONPATH": "/a"}
    assert environment(Path("/a"), {"PYTHONPATH": "/b:/c"}) == {**alone, "PYTHONPATH": "/a:/b:/c"}
    assert environment(Path("/a"), {"OPENBLAS_NUM_THREADS": "2"})["OPENBLAS_NUM_THREADS"] == "2"


NICE = """
import os, subprocess, sys
from bus.processes import *
child = subprocess.Popen([sys.executable, '-c', 'import os, subprocess, sys; '
    'subprocess.Popen(["cat"]); print("there", flush=True); sys.stdin.read()'],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
base = os.getpriority(os.PRIO_PROCESS, 0)
renice(child.pid, base + 1, base + 9)
grandchild = int(open(f'/proc/{child.pid}/task/{child.pid}/children').read())
family = [child.pid, grandchild]
print([os.getpriority(os.PRIO_PROCESS, pid) - base for pid in family])
renice(child.pid, base, base + 5)
print([os.getpriority(os.PRIO_PROCESS, pid) - base for pid in family])
child.communicate()
"""


def test_a_family_is_made_nice_together() -> None:
    assert python(NICE).splitlines() == ["[0, 0]", "[5, 5]"]


def test_renice_of_what_is_gone_is_no_error() -> None:
    renice(2**22 + 1, 0, 10)


def test_this_process_may_still_dump_core_if_it_could() -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    home()
    assert resource.getrlimit(resource.RLIMIT_CORE) == before
