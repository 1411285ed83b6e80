"""Sounds: the next samples of pool segments, for the rows that send and play one.

A stream that does not send (held, or not yet aimed) stays where it is in its sound.

Positions and lengths are in samples at 8 kHz.  In the pool a sound is followed by itself at 16 kHz,
so a row changes from one to the other without a seam when its codec does.
"""

from typing import Final

import numpy as np

from bus.ids import StreamId
from bus.streams import StreamPlayFinished
from mediaworker.masks import some
from mediaworker.media import Batch, Media
from mediaworker.streams import TICK, Kind, Rows, Streams

POOL: Final = np.array(Kind.POOL, np.uint8)

WRITES: Final = frozenset({"music", "source_position", "source_seen"})


def play(media: Media, batch: Batch) -> None:
    """Copy the next samples of each sound to ``music``."""
    streams, rows = media.streams, batch.rows
    playing = (streams.source_kind[rows] == POOL) & streams.sends[rows]
    if not some(playing):
        return
    rows = rows[playing]
    changed = streams.source_seen[rows] != streams.source_number[rows]
    if some(changed):
        _begin(streams, rows[changed])
    position = streams.source_position[rows]
    lengths, step = streams.source_length[rows], batch.ticks * TICK
    at_end = lengths - position <= step
    if some(at_end):
        for row in rows[at_end].tolist():
            _play_end(media, row, batch)
        rows, position, lengths = rows[~at_end], position[~at_end], lengths[~at_end]
    places = streams.source_offset[rows] + position
    if batch.scale > 1:
        places += lengths + position
    streams.music[rows, : batch.samples] = media.sounds[batch.samples][places]
    streams.source_position[rows] = position + step


def _begin(streams: Streams, rows: Rows) -> None:
    streams.source_seen[rows] = streams.source_number[rows]
    streams.source_position[rows] = streams.source_begin[rows]


def _play_end(media: Media, row: int, batch: Batch) -> None:
    """Play what is left of a sound, then go round, or be silent and say so once.

    The end of what plays over another is nobody's business.
    """
    streams, samples, scale = media.streams, batch.samples, batch.scale
    length, position = int(streams.source_length[row]), int(streams.source_position[row])
    offset = int(streams.source_offset[row]) + (scale - 1) * length
    begin, end = scale * position, scale * length
    if streams.source_loop[row] and length:
        streams.music[row, :samples] = media.pool[offset + (begin + np.arange(samples)) % end]
        streams.source_position[row] = (position + samples // scale) % length
        return
    left = max(0, end - begin)
    streams.music[row, :left] = media.pool[offset + begin : offset + end]
    streams.music[row, left:samples] = 0
    streams.source_position[row] = length + 1
    if position <= length and not streams.held[row]:
        stream = StreamId(int(media.public.stream[row]))
        media.events.append(StreamPlayFinished(stream=stream))
