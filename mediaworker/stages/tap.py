"""Taps: rings of what peers said lately, for those that listen to them.

They are all written before anything is said, so that rows that are due in the same tick hear each
other at once.  Between two packets of a row its tap reaches into the future, up to the next one:

    [ ... what was heard | this packet ]
                          ^ tap_at      ^ tap_written
"""

from typing import Final

import numpy as np

from mediaworker.masks import some
from mediaworker.media import Batch, Media
from mediaworker.streams import TAP, Kind

WRITES: Final = frozenset({"tap", "tap_written", "tap_at"})


def tap(media: Media, batch: Batch) -> None:
    """Write the taps of rows that are listened to."""
    streams, samples = media.streams, batch.samples
    tapped = streams.tapped[batch.rows]
    if not some(tapped):
        return
    rows = batch.rows[tapped]
    sound = streams.heard[rows, :samples]
    if media.rooms:
        own = streams.offline[rows]
        plays = streams.source_kind[rows[own]] == Kind.POOL
        sound[own] = streams.music[rows[own], :samples] * plays[:, np.newaxis]
    at = streams.tap_written[rows]
    media.taps.write(rows, at % TAP, samples, sound)
    streams.tap_written[rows] = at + samples
    streams.tap_at[rows] = media.tick
