"""What each stream says: its sound, what its own peer says, what another one's peer says, nothing.

In place of all that: the tones of a digit.

Whoever is listened to by another has a tap: a ring of what its peer said lately, so that the two
may have different packet times.
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.masks import each_kind, some
from mediaworker.media import Batch, Media
from mediaworker.sources.dtmf import sound
from mediaworker.stages.send_digits import latest
from mediaworker.streams import MILLISECOND, TAP, TICK, Kind, Rows

WRITES: Final = frozenset({"said", "tap", "tap_written", "tap_read", "tap_seen"})


def route(media: Media, batch: Batch) -> None:
    """Fill ``said`` and the taps."""
    streams = media.streams
    rows, samples, _ = batch
    tapped = streams.tapped[rows]
    if some(tapped):
        _tap(media, rows[tapped], samples)
    kinds = streams.source_kind[rows] * streams.sends[rows]
    for kind, same in each_kind(kinds):
        _say(media, rows if same is None else rows[same], Kind(kind), samples)
    toned = streams.in_tone[rows]
    if some(toned):
        _dial(media, rows[toned], batch)


def _tap(media: Media, rows: Rows, samples: int) -> None:
    at = media.streams.tap_written[rows]
    media.taps.write(rows, at % TAP, samples, media.streams.heard[rows, :samples])
    media.streams.tap_written[rows] = at + samples


def _say(media: Media, rows: Rows, kind: Kind, samples: int) -> None:
    streams = media.streams
    match kind:
        case Kind.SILENCE:
            streams.said[rows, :samples] = 0
        case Kind.POOL:
            streams.said[rows, :samples] = streams.music[rows, :samples]
        case Kind.ECHO:
            streams.said[rows, :samples] = streams.heard[rows, :samples]
        case Kind.APPLICATION:
            streams.said[rows, :samples] = streams.spoken[rows, :samples]
        case Kind.LEG:
            streams.said[rows, :samples] = _listen(media, rows, samples)


def _dial(media: Media, rows: Rows, batch: Batch) -> None:
    """Let the tones of a digit take the place of the source."""
    streams, digit = media.streams, latest(media, rows)
    begins = streams.digit_elapsed[rows].astype(np.int64) - batch.ticks * TICK
    ends = streams.digit_lengths[rows, digit].astype(np.int64) * MILLISECOND
    sounds = sound(streams.digits[rows, digit], begins, ends, batch.samples, batch.scale)
    streams.said[rows, : batch.samples] = sounds


def _listen(media: Media, rows: Rows, samples: int) -> Column[np.int16]:
    """Return the next samples from the taps that rows listen to; silence where there are none."""
    streams = media.streams
    sources = streams.source_row[rows]
    written, position = streams.tap_written[sources], streams.tap_read[rows]
    lag = np.maximum(samples, streams.period[sources] * streams.scale[sources] * TICK)
    waiting = written - position
    anew = (streams.tap_seen[rows] != streams.source_number[rows]) | (waiting > 4 * lag)
    position = np.where(anew, np.maximum(written - lag, 0), position)
    streams.tap_seen[rows] = streams.source_number[rows]
    heard = media.taps.read(sources, position % TAP, samples)
    ready = written - position >= samples
    heard[~ready] = 0
    streams.tap_read[rows] = position + np.where(ready, samples, 0)
    return heard
