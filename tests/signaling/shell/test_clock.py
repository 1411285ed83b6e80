"""The core's clock: Unix time, but deaf to what is done to the system's clock."""

import time

import pytest

from signaling.shell.clock import Clock


def test_it_is_unix_time() -> None:
    before = time.time()
    now = Clock().now()
    assert before - 1.0 <= now <= time.time() + 1.0


def test_it_never_goes_back() -> None:
    clock = Clock()
    instants = [clock.now() for _ in range(100)]
    assert instants == sorted(instants)


def test_a_step_of_the_system_clock_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    before = clock.now()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert clock.now() >= before
