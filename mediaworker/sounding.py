"""The source of a row, and while it is held another one over it.

    play_* ---------> source                        what is sent
    play_*, over ---> source, and what it was waits where it is
                      resume ---> source            goes on there
    play_* while one waits ---> waiting             begins once it is resumed

What is sent is in the columns ``source_*``, what waits in ``waiting_*``, so a successor of this
process knows both.  A sound waits at its sample; what is heard live, echo and other legs, goes on.
"""

from typing import Final, NamedTuple

import numpy as np

from mediaworker.media import Media
from mediaworker.streams import Kind, Streams

PARTS: Final = ("kind", "offset", "length", "loop", "row", "begin")
"""Of ``source_*`` and ``waiting_*``."""


class Sound(NamedTuple):
    """The parts."""

    kind: Kind
    offset: int = 0
    length: int = 0
    loop: bool = False
    row: int = 0
    begin: int = 0


def play_silence(media: Media, row: int, *, over: bool = False) -> None:
    """Send silence."""
    _play(media, row, Sound(Kind.SILENCE), over=over)


def play_pool(
    media: Media, row: int, offset: int, length: int, *, loop: bool, over: bool = False
) -> None:
    """Send a segment of the pool from its beginning.

    Its end is ``StreamPlayFinished``, unless it plays over another.
    """
    _play(media, row, Sound(Kind.POOL, offset, length, loop), over=over)


def play_echo(media: Media, row: int, *, over: bool = False) -> None:
    """Send what the peer says."""
    _play(media, row, Sound(Kind.ECHO), over=over)


def play_leg(media: Media, row: int, source_row: int, *, over: bool = False) -> None:
    """Send what the peer of another row says, until that row is closed."""
    media.streams.tapped[source_row] = True
    _play(media, row, Sound(Kind.LEG, row=source_row), over=over)


def play_mix(media: Media, row: int, room: int, *, over: bool = False) -> None:
    """Send the mix of a room without what the peer says itself."""
    _play(media, row, Sound(Kind.MIX, row=room), over=over)


def play_application(media: Media, row: int, *, over: bool = False) -> None:
    """Send what an application writes into the ring of the row."""
    _play(media, row, Sound(Kind.APPLICATION), over=over)


def resume(media: Media, row: int) -> None:
    """Let the source that waits go on; do nothing if none waits."""
    streams = media.streams
    if streams.held[row]:
        waiting = [getattr(streams, f"waiting_{part}")[row] for part in PARTS]
        streams.held[row] = False
        _set(streams, row, Sound(*waiting))


def forget_leg(media: Media, source_row: int) -> None:
    """Silence all that listen to a row, now or once they are resumed."""
    streams = media.streams
    for kinds, source_rows in (
        (streams.source_kind, streams.source_row),
        (streams.waiting_kind, streams.waiting_row),
    ):
        kinds[(kinds == Kind.LEG) & (source_rows == source_row)] = Kind.SILENCE


def forget_application(media: Media, row: int) -> None:
    """Silence a row that is given no more by its application, now or once it is resumed."""
    forget(media, row, (Kind.APPLICATION,))


def forget(media: Media, row: int, which: tuple[Kind, ...]) -> None:
    """Silence a row if its source is of some kinds, now or once it is resumed."""
    streams = media.streams
    for kinds in (streams.source_kind, streams.waiting_kind):
        if kinds[row] in which:
            kinds[row] = Kind.SILENCE


def _play(media: Media, row: int, sound: Sound, *, over: bool) -> None:
    streams = media.streams
    if over and not streams.held[row]:
        _wait(streams, row, _playing(streams, row))
        streams.held[row] = True
    if streams.held[row] and not over:
        _wait(streams, row, sound)
    else:
        _set(streams, row, sound)


def _playing(streams: Streams, row: int) -> Sound:
    """Return the source and how far it is."""
    sound = Sound(*(getattr(streams, f"source_{part}")[row] for part in PARTS))
    if streams.source_seen[row] != streams.source_number[row]:
        return sound  # not one packet of it was sent
    return sound._replace(begin=int(streams.source_position[row]))


def _set(streams: Streams, row: int, sound: Sound) -> None:
    for part, value in zip(PARTS, sound, strict=True):
        getattr(streams, f"source_{part}")[row] = value
    streams.source_number[row] += np.uint32(1)


def _wait(streams: Streams, row: int, sound: Sound) -> None:
    for part, value in zip(PARTS, sound, strict=True):
        getattr(streams, f"waiting_{part}")[row] = value
