"""When a worker's life is over: it was asked to stop, or those it works for are gone."""

import os
import select
import signal
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Lifetime:
    """Signals are only counted here; the loop asks."""

    def __init__(self, parent: int | None) -> None:
        """``parent``: the process to watch, None for a worker that was started by hand."""
        self.pid = os.getpid()
        self.stops = 0
        self.gone = False
        self.parent = None if parent is None else self._watch(parent)
        signal.signal(signal.SIGTERM, self._note)
        # Ctrl-C reaches the whole group; who has a parent is told by it when to stop
        signal.signal(signal.SIGINT, self._note if parent is None else signal.SIG_IGN)

    def parent_is_dead(self) -> bool:
        """Tell whether the parent has ended, without waiting."""
        if self.parent is not None and select.select([self.parent], [], [], 0)[0]:
            os.close(self.parent)
            self.parent = None
            self.gone = True
        return self.gone

    def _watch(self, parent: int) -> int | None:
        try:
            return os.pidfd_open(parent)
        except ProcessLookupError:
            self.gone = True
            return None

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.stops += 1
