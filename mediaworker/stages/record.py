"""Recordings: both directions on one time line, caller left and callee right.

A recording is a ring of frames of 20 ms, filled in pieces of 10 ms because packets are multiples of
that.  The files process reads behind ``written``.
"""

from typing import Final

import numpy as np

from mediaworker.masks import some
from mediaworker.media import Batch, Media
from mediaworker.streams import FRAME, RECORDING_FRAMES

PIECE: Final = 80
PIECES: Final = FRAME // PIECE
NONE: Final = np.array(-1, np.int16)

WRITES: Final = frozenset({"recorded", "recordings.ring", "recordings.written"})


def record(media: Media, batch: Batch) -> None:
    """Append the frames of both directions to the recordings of the rows that have one."""
    streams, recordings = media.streams, media.recordings
    recorded = streams.recording[batch.rows] > NONE
    if not some(recorded):
        return
    rows = batch.rows[recorded]
    slots, remote_calls = streams.recording[rows], streams.caller_is_remote[rows].astype(np.intp)
    ring = recordings.ring.reshape(-1, RECORDING_FRAMES, 2, PIECES, PIECE)
    for begin in range(0, batch.samples, PIECE):
        pieces = streams.recorded[rows] // PIECE
        frames, part = (pieces // PIECES) % RECORDING_FRAMES, pieces % PIECES
        piece = slice(begin, begin + PIECE)
        ring[slots, frames, 1 - remote_calls, part] = streams.heard[rows, piece]
        ring[slots, frames, remote_calls, part] = streams.said[rows, piece]
        streams.recorded[rows] += PIECE
    recordings.written[slots] = (streams.recorded[rows] // FRAME).astype(np.uint64)
