"""One tick: receive, then the stages in order, each over all the rows that are due, then send."""

from bus.streams import StreamEvent
from mediaworker.media import Media
from mediaworker.net.backend import Backend


def run_tick(media: Media, tick: int, now_ns: int, backend: Backend) -> list[StreamEvent]:
    """Work tick number ``tick`` (from ``clock``), which begins at monotonic ``now_ns``.

    Returns what happened: digits heard, digit queues that ran empty, sources that came to an end.
    Set ``media.wall_ns`` before it now and then (sender reports bear it).
    """
    raise NotImplementedError
