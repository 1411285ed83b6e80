"""Digits that the peer sends as tones in its audio: one event for each, when it is over.

A digit is two windows of ``pairs`` in a row that hold it, one of them purely, and it is over when
``QUIET`` in a row do not.  So 40 ms are enough, of the digit and of the pause behind it (ITU-T
Q.24).
"""

from typing import Final

import numpy as np

from bus.columns import Column
from bus.ids import StreamId
from bus.streams import StreamDigit
from mediaworker.masks import places, some
from mediaworker.media import Batch, Media
from mediaworker.pairs import HOP, NONE, PAST, find
from mediaworker.rtp.event import KEYS
from mediaworker.streams import MILLISECOND, Rows

ENOUGH: Final = 2
"""Windows with the same digit."""
QUIET: Final = 2
"""Windows without it."""

WRITES: Final = frozenset(
    {"tone_past", "tone_turns", "tone_code", "tone_windows", "tone_quiet", "tone_pure"}
)


def hear_tones(media: Media, batch: Batch) -> None:
    """Look for digits in what the peers of the rows that ``hears_tones`` say."""
    streams = media.streams
    hearing = streams.hears_tones[batch.rows]
    if not some(hearing):
        return
    rows, past = batch.rows[hearing], PAST * batch.scale
    heard = streams.heard[rows, : batch.samples]
    audio = np.concatenate([streams.tone_past[rows, :past], heard], axis=1)
    codes, pure, streams.tone_turns[rows] = find(audio, batch.scale, streams.tone_turns[rows])
    streams.tone_past[rows, :past] = audio[:, -past:]
    if some(codes > NONE) or some(streams.tone_windows[rows] > 0):
        for window, purely in zip(codes.T, pure.T, strict=True):
            _follow(media, rows, window, purely)


def _follow(media: Media, rows: Rows, codes: Column[np.int8], pure: Column[np.bool_]) -> None:
    """Go on by one window."""
    streams = media.streams
    windows, quiet = streams.tone_windows[rows], streams.tone_quiet[rows]
    same = (codes == streams.tone_code[rows]) & (windows > 0)
    quiet = np.where(same, 0, quiet + 1)
    over = (windows > 0) & ((quiet >= QUIET) | ((windows < ENOUGH) & ~same))
    for index in places(over & (windows >= ENOUGH) & streams.tone_pure[rows]).tolist():
        _tell(media, int(rows[index]), int(windows[index]))
    windows = np.where(over, 0, windows + same)
    begins = (windows == 0) & (codes > NONE)
    streams.tone_code[rows] = np.where(begins, codes, streams.tone_code[rows])
    streams.tone_windows[rows] = windows + begins
    streams.tone_quiet[rows] = np.where(begins, 0, quiet)
    streams.tone_pure[rows] = (streams.tone_pure[rows] & ~begins) | (pure & (same | begins))


def _tell(media: Media, row: int, windows: int) -> None:
    """Report a digit: as many windows hold most of it as it has hops."""
    media.events.append(
        StreamDigit(
            stream=StreamId(int(media.public.stream[row])),
            digit=KEYS[int(media.streams.tone_code[row])],
            duration_ms=windows * HOP // MILLISECOND,
            method="inband",
        )
    )
