"""The life of a row, driven by commands: taken, opened, aimed, played to, recorded, closed."""

from __future__ import annotations

from bus.calls import Quality
from bus.ids import StreamId
from bus.streams import Remote
from mediaworker.media import Media

ENTROPY: int = 16


def take(media: Media, stream: StreamId, now_ns: int) -> int:
    """Return a free row, rested and cleaned, now of ``stream``.  Raises NoCapacityError."""
    raise NotImplementedError


def open_row(media: Media, row: int, *, caller_is_remote: bool, entropy: bytes) -> None:
    """Begin: the row ticks from now on.  ``entropy``: ``ENTROPY`` random bytes."""
    raise NotImplementedError


def aim(media: Media, row: int, remote: Remote) -> None:
    """Set or change the far end.  Raises BadRequestError."""
    raise NotImplementedError


def play_silence(media: Media, row: int) -> None:
    """Send silence."""
    raise NotImplementedError


def play_pool(media: Media, row: int, offset: int, length: int, *, loop: bool) -> None:
    """Send a segment of the pool."""
    raise NotImplementedError


def play_echo(media: Media, row: int) -> None:
    """Send what the peer says."""
    raise NotImplementedError


def play_leg(media: Media, row: int, source_row: int) -> None:
    """Send what the peer of another row says."""
    raise NotImplementedError


def record(media: Media, row: int, recording: int) -> None:
    """Record into this row of ``Recordings`` (emptied first); -1 stops."""
    raise NotImplementedError


def queue_digits(media: Media, row: int, digits: str, duration_ms: int, gap_ms: int) -> None:
    """Send digits after those that wait already.  Raises BadRequestError."""
    raise NotImplementedError


def quality(media: Media, row: int) -> Quality:
    """Return what the stream was like."""
    raise NotImplementedError


def close(media: Media, row: int, now_ns: int) -> bytes:
    """End the stream; the row rests.  Returns the RTCP BYE to send to its peer, if any."""
    raise NotImplementedError


def row_of(media: Media, stream: StreamId) -> int | None:
    """Return the row of a stream."""
    raise NotImplementedError


def live_rows(media: Media) -> list[int]:
    """Return all rows that are streams."""
    raise NotImplementedError
