"""Who is late: silence measured against a time limit.  Sans-IO; plain state.

The best evidence comes from the work itself: ``observe`` a counter that the work loop advances
(``bus.tables.WorkerState.tick``), and a process that is stuck falls silent although it lives.
"""

import msgspec


class Liveness(msgspec.Struct):
    """When each peer was heard last.  Times: seconds of one clock."""

    timeout: float
    """Seconds of silence that are too long."""
    heard_at: dict[str, float] = {}
    counters: dict[str, int] = {}

    def hear(self, who: str, now: float) -> None:
        """Take note of a sign of life; the first one begins the watch."""
        self.heard_at[who] = now

    def observe(self, who: str, counter: int, now: float) -> None:
        """Take note of a counter: a sign of life if it is another than before."""
        if self.counters.get(who) != counter:
            self.counters[who] = counter
            self.heard_at[who] = now

    def forget(self, who: str) -> None:
        """End the watch."""
        self.heard_at.pop(who, None)
        self.counters.pop(who, None)

    def pardon(self, seconds: float) -> None:
        """Count so many seconds for nobody: it was us who stood still."""
        for who in self.heard_at:
            self.heard_at[who] += seconds

    def overdue(self, now: float) -> list[str]:
        """Return who has been silent for too long, longest first, and end the watch of those."""
        late = [who for who, at in self.heard_at.items() if now - at >= self.timeout]
        late.sort(key=lambda who: self.heard_at[who])
        for who in late:
            self.forget(who)
        return late

    def deadline(self) -> float | None:
        """Return when ``overdue`` may next return somebody."""
        oldest = min(self.heard_at.values(), default=None)
        return None if oldest is None else oldest + self.timeout
