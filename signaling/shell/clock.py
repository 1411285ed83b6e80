"""The core's clock: Unix time that never goes back."""

import time


class Clock:
    """Unix time at the start plus monotonic time since: steps of the system clock are not seen."""

    def __init__(self) -> None:
        self.offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Return seconds since 1970."""
        return self.offset + time.monotonic()
