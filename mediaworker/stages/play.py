"""Sounds: the next samples of pool segments, for the rows that send and play one.

A stream that does not send (held, or not yet aimed) stays where it is in its sound.
"""

from typing import Final

import numpy as np

from bus.ids import StreamId
from bus.streams import StreamPlayFinished
from mediaworker.masks import some
from mediaworker.media import Batch, Media
from mediaworker.streams import Kind, Rows, Streams

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
    at_end = streams.source_length[rows] - position <= batch.samples
    if some(at_end):
        for row in rows[at_end].tolist():
            _play_end(media, row, batch.samples)
        rows, position = rows[~at_end], position[~at_end]
    places = streams.source_offset[rows] + position
    streams.music[rows, : batch.samples] = media.sounds[batch.samples][places]
    streams.source_position[rows] = position + batch.samples


def _begin(streams: Streams, rows: Rows) -> None:
    streams.source_seen[rows] = streams.source_number[rows]
    streams.source_position[rows] = streams.source_begin[rows]


def _play_end(media: Media, row: int, samples: int) -> None:
    """Play what is left of a sound, then go round, or be silent and say so once.

    The end of what plays over another is nobody's business.
    """
    streams = media.streams
    offset, length = int(streams.source_offset[row]), int(streams.source_length[row])
    position = int(streams.source_position[row])
    within = position + np.arange(samples)
    if streams.source_loop[row] and length:
        streams.music[row, :samples] = media.pool[offset + within % length]
        streams.source_position[row] = (position + samples) % length
        return
    left = max(0, length - position)
    streams.music[row, :left] = media.pool[offset + position : offset + length]
    streams.music[row, left:samples] = 0
    streams.source_position[row] = length + 1
    if position <= length and not streams.held[row]:
        stream = StreamId(int(media.public.stream[row]))
        media.events.append(StreamPlayFinished(stream=stream))
