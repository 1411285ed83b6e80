"""How fast to go, so that what waits between two clocks stays little and never runs out.

Samples come in bursts and go in packets, so what waits goes up and down all the time, and how far
down depends on how the two fall together, which changes with every beat of the clocks.  Its mean
does not: it is held so far above nothing that they may fall together as they like, by half of the
longest times between bursts and between packets, and a margin.

The ratio follows slowly, in proportion to the error and to its sum; the sum becomes the difference
of the clocks.
"""

from collections import deque
from typing import Final

WINDOW: Final = 1.0
"""Seconds of which the mean is taken."""
REMEMBERED: Final = 10
"""Windows whose longest times count."""
PROPORTION: Final = 0.05
"""Of the error that is made up for in a second."""
SUM: Final = 0.0006
"""Of the error that is added, each second, to what is taken to be the difference."""
MOST: Final = 0.004
"""By which the ratio may differ from 1: 7 cents, which nobody hears come."""
CLOCKS: Final = 0.001
"""By which two clocks may differ."""
SLEW: Final = 0.0005
"""By which the ratio may change in a second."""
LONGEST: Final = 0.2
"""Seconds; whoever is silent for longer has stopped, and is no measure."""


class Drift:
    """The controller between a source and what drains it at another clock."""

    def __init__(self, margin: float) -> None:
        """``margin``: seconds that are to be left at the worst moment."""
        self.margin = margin
        self.ratio = 1.0
        """Samples to make of one."""
        self.clocks = 0.0
        """By how much faster the drain goes than the source."""
        self._wanted = 1.0
        self._passed = 0.0
        self._area = 0.0
        self._disturbed = False
        self._came, self._went = _Gaps(), _Gaps()

    @property
    def target(self) -> float:
        """Seconds that are to wait in the mean."""
        return self.margin + (self._came.longest + self._went.longest) / 2

    def note(self, waiting: float, passed: float, *, came: bool, went: bool) -> None:
        """Take that so many seconds of samples wait.

        ``passed`` since this was said before; meanwhile some came, or went.
        """
        self._came.note(passed, happened=came)
        self._went.note(passed, happened=went)
        self._area += waiting * passed
        self._passed += passed
        most = SLEW * passed
        self.ratio += max(-most, min(most, self._wanted - self.ratio))
        if self._passed >= WINDOW:
            self._steer()

    def disturb(self) -> None:
        """Forget this window: something else changed what waits."""
        self._disturbed = True

    def _steer(self) -> None:
        self._came.turn()
        self._went.turn()
        if not self._disturbed:
            error = self.target - self._area / self._passed
            learnt = self.clocks + SUM * error * self._passed
            self.clocks = max(-CLOCKS, min(CLOCKS, learnt))
            change = self.clocks + PROPORTION * error
            self._wanted = 1.0 + max(-MOST, min(MOST, change))
        self._passed = self._area = 0.0
        self._disturbed = False


class _Gaps:
    """The longest time between two events, of those lately."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.since = 2 * LONGEST
        self.most = 0.0
        self.before = deque[float](maxlen=REMEMBERED)

    def note(self, passed: float, *, happened: bool) -> None:
        self.since += passed
        if happened:
            if self.since <= LONGEST:
                self.most = max(self.most, self.since)
                self.longest = max(self.longest, self.since)
            self.since = 0.0

    def turn(self) -> None:
        self.before.append(self.most)
        self.longest, self.most = max(self.before), 0.0
