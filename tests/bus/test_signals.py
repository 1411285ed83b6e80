import os
import select
import signal

from bus.signals import ENDING, signals


def test_signals_are_noted_in_order_and_wake_a_poll() -> None:
    with signals() as inbox:
        assert inbox.take() == []
        for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGTERM):
            os.kill(os.getpid(), number)
        assert select.select([inbox.descriptor], [], [], 5)[0]
        assert inbox.take() == [signal.SIGTERM, signal.SIGCHLD, signal.SIGTERM]


def test_a_flood_is_no_harm() -> None:
    with signals() as inbox:
        for _ in range(70_000):
            signal.raise_signal(signal.SIGHUP)
        assert set(inbox.take()) == {signal.SIGHUP}


def test_everything_is_put_back() -> None:
    before = [signal.getsignal(number) for number in (*ENDING, signal.SIGCHLD)]
    with signals():
        assert [signal.getsignal(number) for number in (*ENDING, signal.SIGCHLD)] != before
    assert [signal.getsignal(number) for number in (*ENDING, signal.SIGCHLD)] == before
    assert signal.set_wakeup_fd(-1) == -1
