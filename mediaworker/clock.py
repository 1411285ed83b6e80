"""The grid of ticks, 5 ms apart."""

from mediaworker.streams import TICK_NS


class Clock:
    """Counts ticks from its start.  Time is given to it."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self.tick = 0

    def next_at(self) -> int:
        """Return when the next tick is due, monotonic ns."""
        return self.start_ns + (self.tick + 1) * TICK_NS

    def advance(self, now_ns: int) -> int:
        """Go on to the tick that is due at ``now_ns`` (skipping those missed) and return it."""
        self.tick = max(self.tick + 1, (now_ns - self.start_ns) // TICK_NS)
        return self.tick
