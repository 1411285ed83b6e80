"""Which backend a worker has: io_uring where the system lets us, epoll otherwise."""

import logging
from typing import Final

from bus.errors import LaunchError
from mediaworker.net.backend import Backend
from mediaworker.net.portable import Portable
from mediaworker.net.uring import Uring
from mediaworker.streams import Streams

log = logging.getLogger(__name__)

AUTO, URING, PORTABLE = "auto", "uring", "portable"
"""What the setting ``media.backend`` can be."""
ADVICE: Final = "see offhook doctor; it needs Linux 6.1, and 4 KiB of locked memory a stream"


def choose(wanted: str, streams: Streams) -> Backend:
    """Return the backend; call it in the thread that ticks.

    Raises LaunchError if io_uring is insisted upon and refused.
    """
    if wanted == PORTABLE:
        return Portable(streams)
    try:
        return Uring(streams)
    except OSError as error:
        reason = f"io_uring is refused ({error.strerror}): {ADVICE}"
        if wanted == URING:
            raise LaunchError(reason) from None
        log.warning("%s; going on with epoll", reason)
        return Portable(streams)
