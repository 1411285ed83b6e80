"""Who has nothing to say: rows whose peer takes comfort noise instead of silence (RFC 3389).

What is below ``SILENCE`` for ``PATIENCE`` is silence.  A packet says how loud that is, then none is
sent; it is said again every ``AGAIN``, and soon if it changes, until there is something to be said.
"""

from enum import IntEnum
from typing import Final

import numpy as np

from mediaworker.media import Batch, Media
from mediaworker.stages.level import dbov

SILENCE: Final = -60.0
"""dBov."""
PATIENCE: Final = 20
"""Ticks, 100 ms."""
AGAIN: Final = 80
"""Ticks from one description of the silence to the next, 400 ms."""
SOON: Final = 40
"""The same, if it changed by more than ``CHANGE``."""
CHANGE: Final = 6
"""dB."""
QUIETEST: Final = 127

WRITES: Final = frozenset({"pause", "quiet_for", "noise_sent", "noise_sent_at"})


class Pause(IntEnum):
    """What is sent in place of a frame (column ``pause``)."""

    NONE = 0
    TOLD = 1
    """Comfort noise."""
    KEPT = 2
    """Nothing."""


def hush(media: Media, batch: Batch) -> None:
    """Find the rows that say nothing."""
    if not media.hushing:
        return
    streams, (rows, samples, _) = media.streams, batch
    levels = dbov(streams.said[rows, :samples])
    quiet = (levels < SILENCE) & (streams.noise_payload_type[rows] >= 0)
    quiet &= ~streams.in_event[rows]
    before = np.where(quiet, streams.quiet_for[rows], 0)
    pauses = before >= PATIENCE
    streams.quiet_for[rows] = np.minimum(before + quiet * batch.ticks, PATIENCE)
    described = np.clip(np.rint(-levels), 0, QUIETEST).astype(np.uint8)
    changed = np.abs(described - streams.noise_sent[rows].astype(np.int16)) > CHANGE
    since = media.tick - streams.noise_sent_at[rows]
    first = streams.pause[rows] == Pause.NONE
    tell = pauses & (first | (since >= np.where(changed, SOON, AGAIN)))
    streams.pause[rows] = np.where(tell, Pause.TOLD, np.where(pauses, Pause.KEPT, Pause.NONE))
    told = rows[tell]
    streams.noise_sent[told], streams.noise_sent_at[told] = described[tell], media.tick
