"""Filling holes: the last frame again, fading, then silence.

What the peer has not sent is no loss: silence for longer than ``IDLE``, and telephone-events.
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.codecs.codec import restored
from mediaworker.masks import every
from mediaworker.media import Batch, Media
from mediaworker.stages.reorder import IDLE
from mediaworker.streams import Rows

FADE: Final = 11
"""Of 16, from one frame to its repetition."""
AFTER_EVENT: Final = 20
"""Ticks from the last packet of an event until the audio behind it is played."""
ONE: Final = np.array(1, np.uint64)
HOLE: Final = np.array(0, np.uint16)

WRITES: Final = frozenset({"heard", "public.frames_played", "public.frames_concealed"})


def conceal(media: Media, batch: Batch) -> None:
    """Make ``heard`` of what was taken from the jitter buffer, without holes."""
    streams, public = media.streams, media.public
    rows, samples, _ = batch
    complete = streams.complete[rows]
    if not every(complete):
        _fill(media, rows[~complete], samples)
        rows = rows[complete]
    streams.heard[rows, :samples] = restored(streams.taken[rows, :samples])
    public.frames_played[rows] += ONE


def _fill(media: Media, rows: Rows, samples: int) -> None:
    streams = media.streams
    lately = media.tick - streams.event_heard_at[rows] < AFTER_EVENT
    silent = (streams.gap[rows] >= IDLE) | (lately & streams.event_known[rows])
    taken = streams.taken[rows, :samples]
    whole = np.where(taken == HOLE, 0, restored(taken))
    streams.heard[rows[silent], :samples] = whole[silent]
    taken, whole = taken[~silent], whole[~silent]
    rows = rows[~silent]
    if not len(rows):
        return
    repeated: Column[np.int32] = streams.heard[rows, :samples].astype(np.int32) * FADE >> 4
    streams.heard[rows, :samples] = np.where(taken == HOLE, repeated, whole)
    media.public.frames_concealed[rows] += ONE
