from pathlib import Path

import pytest

from bus.children import Child, Role, State
from bus.hanging import INTERVAL, Hanging
from bus.tables import WorkerState


def worker(pid: int = 7, state: State = State.SERVING) -> Child:
    return Child(name="w0", role=Role.WORKER, state=state, pid=pid)


@pytest.fixture
def table(tmp_path: Path) -> WorkerState:
    table = WorkerState.create(tmp_path / "w0.state", 1)
    table.pid[0], table.tick[0] = 7, 100
    return table


def looks(hanging: Hanging, child: Child, seconds: float, start: float = 0.0) -> list[int]:
    found = list[int]()
    for look in range(1 + int(seconds / INTERVAL)):
        found += hanging.look([child], start + look * INTERVAL)
    return found


def test_a_tick_that_stands_still_is_found_in_time(tmp_path: Path, table: WorkerState) -> None:
    hanging = Hanging(tmp_path, timeout=5.0)
    assert looks(hanging, worker(), 4.5) == []
    assert looks(hanging, worker(), 0.5, start=5.0) == [7]


def test_a_tick_that_moves_is_life(tmp_path: Path, table: WorkerState) -> None:
    hanging = Hanging(tmp_path, timeout=1.0)
    for look in range(40):
        table.tick[0] += 1
        assert hanging.look([worker()], look * INTERVAL) == []


@pytest.mark.parametrize(
    "child",
    [worker(pid=8), worker(state=State.STARTING), worker(state=State.DRAINING)],
    ids=["another process wrote it", "starting", "draining"],
)
def test_others_are_not_judged(tmp_path: Path, table: WorkerState, child: Child) -> None:
    assert looks(Hanging(tmp_path, timeout=1.0), child, 10.0) == []


def test_without_a_table_nobody_is_judged(tmp_path: Path) -> None:
    (tmp_path / "w0.state").write_bytes(b"rubbish")
    assert looks(Hanging(tmp_path, timeout=1.0), worker(), 10.0) == []


def test_zero_never_looks(tmp_path: Path, table: WorkerState) -> None:
    hanging = Hanging(tmp_path, timeout=0.0)
    assert looks(hanging, worker(), 10.0) == []
    assert hanging.next_at is None


def test_our_own_standstill_is_nobody_s_fault(tmp_path: Path, table: WorkerState) -> None:
    hanging = Hanging(tmp_path, timeout=5.0)
    assert looks(hanging, worker(), 1.0) == []
    assert hanging.look([worker()], 100.0) == []
    table.tick[0] += 1
    assert looks(hanging, worker(), 4.0, start=100.5) == []
