"""What is asked of the system, each in a process of its own, for it cannot be taken back."""

import os
import subprocess
import sys

import pytest

from mediaworker.realtime import OVERRUNS, Overruns


def told(program: str) -> str:
    """Run a program; return what it prints."""
    head = "import gc, os, resource; from mediaworker import realtime; "
    command = [sys.executable, "-P", "-c", head + program]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout


def test_scheduling_is_what_is_said() -> None:
    program = (
        "print(realtime.enter(realtime=True)); "
        "print(os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK == os.SCHED_RR, "
        "os.sched_getparam(0).sched_priority, os.getpriority(os.PRIO_PROCESS, 0)); "
        "print(realtime.leave()); print(os.sched_getscheduler(0) == os.SCHED_OTHER)"
    )
    said, seen, left, normal = told(program).split("\n")[:4]
    assert (
        seen
        == {
            "rr:10": "True 10 0",
            "nice:-11": "False 0 -11",
            "normal": "False 0 0",
        }[said]
    )
    assert (left, normal) == ("normal", "True")


def test_children_do_not_inherit_it() -> None:
    child = "import os; print(os.sched_getscheduler(0) == os.SCHED_OTHER)"
    program = (
        "import subprocess, sys; realtime.enter(realtime=True); "
        f"print(subprocess.check_output([sys.executable, '-c', {child!r}], text=True))"
    )
    assert "True" in told(program)


def test_not_asked_for() -> None:
    program = "print(realtime.enter(realtime=False), os.sched_getscheduler(0) == os.SCHED_OTHER)"
    assert told(program) == "normal True\n"


@pytest.mark.parametrize("realtime", [True, False])
def test_prepare(realtime: bool) -> None:
    program = (
        f"realtime.prepare(realtime={realtime}); "
        "soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE); "
        "print(soft == hard, gc.isenabled(), gc.get_freeze_count() > 1000, "
        "resource.getrlimit(resource.RLIMIT_CORE)[0])"
    )
    assert told(program) == "True False True 0\n"


def test_overruns_in_a_row_are_noticed_once() -> None:
    overruns = Overruns()
    for _ in range(OVERRUNS - 1):
        assert not overruns.note(late=True)
    assert not overruns.note(late=False)
    told_at = [n for n in range(1, 3 * OVERRUNS) if overruns.note(late=True)]
    assert told_at == [OVERRUNS]


def test_cores_are_taken_in_turn_and_only_those_there_are() -> None:
    program = (
        "may = sorted(os.sched_getaffinity(0)); "
        "print(realtime.pin([999, may[0]], 3), os.sched_getaffinity(0) == {may[0]}); "
        "os.sched_setaffinity(0, may); "
        "print(realtime.pin(may, len(may) + 1) == may[1 % len(may)]); "
        "os.sched_setaffinity(0, may); "
        "print(realtime.pin([], 0), realtime.pin([999], 0), sorted(os.sched_getaffinity(0)) == may)"
    )
    first, second, third = told(program).splitlines()
    assert first.endswith(" True")
    assert (second, third) == ("True", "None None True")
