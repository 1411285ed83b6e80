"""Which worker is alive and does no work: its tick, in the table it shares, stands still."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bus.children import Child, Role, State
from bus.columns import SchemaMismatchError
from bus.liveness import Liveness
from bus.tables import WorkerState

INTERVAL: Final = 0.5
"""Seconds between two looks."""


class Hanging:
    """Looks at the state tables of the workers that serve.  ``timeout`` 0 never looks."""

    def __init__(self, run_dir: Path, timeout: float) -> None:
        self.run_dir = run_dir
        self.liveness = Liveness(timeout)
        self.looked_at: float | None = None
        self.next_at: float | None = None

    def look(self, children: Iterable[Child], now: float) -> list[int]:
        """Return the pids of those that hang.  Monotonic seconds."""
        if self.liveness.timeout <= 0 or (self.next_at is not None and now < self.next_at):
            return []
        if self.looked_at is not None and now - self.looked_at > 2 * INTERVAL:
            self.liveness.pardon(now - self.looked_at)
        self.looked_at, self.next_at = now, now + INTERVAL
        watched = {
            str(child.pid)
            for child in children
            if child.role is Role.WORKER
            and child.state is State.SERVING
            and self._ticks(child, now)
        }
        for gone in set(self.liveness.heard_at) - watched:
            self.liveness.forget(gone)
        return [int(pid) for pid in self.liveness.overdue(now)]

    def _ticks(self, child: Child, now: float) -> bool:
        """Observe a worker's tick; False if there is nothing to see yet."""
        try:
            table = WorkerState.open(self.run_dir / f"{child.name}.state")
        except (OSError, SchemaMismatchError):
            return False
        if int(table.pid[0]) != child.pid:
            return False
        self.liveness.observe(str(child.pid), int(table.tick[0]), now)
        return True
