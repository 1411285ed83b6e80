"""Signals are counted, and a dead parent is noticed."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator

import pytest

from mediaworker.lifetime import Lifetime


@pytest.fixture(autouse=True)
def signals_as_before() -> Generator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def other() -> Generator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_counted(number: signal.Signals) -> None:
    lifetime = Lifetime(None)
    for count in (1, 2):
        signal.raise_signal(number)
        assert lifetime.stops == count
    assert not lifetime.parent_is_dead()


def test_with_a_parent_it_is_the_parent_that_hears_of_ctrl_c() -> None:
    lifetime = Lifetime(os.getppid())
    signal.raise_signal(signal.SIGINT)
    assert lifetime.stops == 0
    signal.raise_signal(signal.SIGTERM)
    assert lifetime.stops == 1


def test_the_end_of_the_parent(other: subprocess.Popen[bytes]) -> None:
    lifetime = Lifetime(other.pid)
    assert not lifetime.parent_is_dead()
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert lifetime.parent_is_dead()
    assert lifetime.parent_is_dead(), "and stays so"


def test_a_parent_that_was_dead_before(other: subprocess.Popen[bytes]) -> None:
    other.kill()
    other.wait()
    assert Lifetime(other.pid).parent_is_dead()
