"""Recordings: both directions on one time line, caller left and callee right.

A recording is a ring of frames of 160 samples, filled in pieces of half a frame because packets are
multiples of that.  Its rate is 8 kHz until the stream has 16 kHz (``wide_from``), and remains that.
The files process reads behind ``written``.
"""

from typing import Final

import numpy as np

from mediaworker.masks import each_kind, some
from mediaworker.media import Batch, Media
from mediaworker.streams import FRAME, RECORDING_FRAMES, Rows

PIECE: Final = 80
PIECES: Final = FRAME // PIECE
NONE: Final = np.array(-1, np.int16)
ONE: Final = np.array(1, np.uint64)

WRITES: Final = frozenset(
    {
        *("recorded", "recording_scale"),
        *("recordings.ring", "recordings.written", "recordings.wide_from"),
    }
)


def record(media: Media, batch: Batch) -> None:
    """Append the frames of both directions to the recordings of the rows that have one."""
    streams = media.streams
    recorded = streams.recording[batch.rows] > NONE
    if not some(recorded):
        return
    rows = batch.rows[recorded]
    narrower = streams.recording_scale[rows] < batch.scale
    if some(narrower):
        _widen(media, rows[narrower], batch.scale)
    for scale, same in each_kind(streams.recording_scale[rows]):
        _record(media, batch._replace(rows=rows if same is None else rows[same]), scale)


def _widen(media: Media, rows: Rows, scale: int) -> None:
    """Let recordings that begin, or are at 8 kHz, go on at a rate, with a whole frame."""
    streams = media.streams
    streams.recording_scale[rows] = scale
    if scale > 1:
        frames = -(-streams.recorded[rows] // FRAME)
        streams.recorded[rows] = frames * FRAME
        media.recordings.wide_from[streams.recording[rows]] = frames.astype(np.uint64) + ONE


def _record(media: Media, batch: Batch, scale: int) -> None:
    streams, recordings, rows = media.streams, media.recordings, batch.rows
    heard, said = streams.heard[rows, : batch.samples], streams.said[rows, : batch.samples]
    if scale != batch.scale:
        heard, said = heard.repeat(scale, axis=1), said.repeat(scale, axis=1)  # narrow again
    slots, remote_calls = streams.recording[rows], streams.caller_is_remote[rows].astype(np.intp)
    ring = recordings.ring.reshape(-1, RECORDING_FRAMES, 2, PIECES, PIECE)
    for begin in range(0, heard.shape[1], PIECE):
        pieces = streams.recorded[rows] // PIECE
        frames, part = (pieces // PIECES) % RECORDING_FRAMES, pieces % PIECES
        piece = slice(begin, begin + PIECE)
        ring[slots, frames, 1 - remote_calls, part] = heard[:, piece]
        ring[slots, frames, remote_calls, part] = said[:, piece]
        streams.recorded[rows] += PIECE
    recordings.written[slots] = (streams.recorded[rows] // FRAME).astype(np.uint64)
