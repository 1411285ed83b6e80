"""Application audio: what the peer says into one ring, what it is to hear out of the other.

An application that writes too little is silence, one that reads too slowly loses its oldest
samples; the tick looks at numbers in shared memory and waits for nothing.  It trusts none of them:
positions are columns, indexes are taken modulo the ring, and a count that cannot be is where the
ring goes on.

Rings have the rate that the application chose, whatever the codec.
"""

from typing import Final

import numpy as np

from bus.audio_rings import RING
from bus.columns import Column
from mediaworker.masks import every, some
from mediaworker.media import Batch, Media
from mediaworker.polyphase import between
from mediaworker.sources.resample import RATE
from mediaworker.streams import Kind, Rows

NONE: Final = np.array(0, np.uint16)
OTHER: Final = {1: 2, 2: 1}
"""The scale that is not this one."""

WRITES: Final = frozenset(
    {
        *("spoken", "audio_heard", "audio_said", "audio_missing", "heard_past", "said_past"),
        *("audio.heard", "audio.heard_written", "audio.said_read", "audio.said_missing"),
    }
)


def exchange(media: Media, batch: Batch) -> None:
    """Give applications what was heard, and make ``spoken`` of what they said."""
    if not media.lent:
        return
    streams = media.streams
    rows = batch.rows[streams.audio[batch.rows] > NONE]
    same = streams.audio_scale[rows] == batch.scale
    for those, scale in ((rows[same], batch.scale), (rows[~same], OTHER[batch.scale])):
        if len(those):
            _give(media, those, batch, scale)
            kinds, sends = streams.source_kind[those], streams.sends[those]
            speaking = those[(kinds == Kind.APPLICATION) & sends]
            if len(speaking):
                _take(media, speaking, batch, scale)


def _give(media: Media, rows: Rows, batch: Batch, scale: int) -> None:
    streams, rings = media.streams, media.audio
    heard, samples = streams.heard[rows, : batch.samples], batch.samples
    if scale != batch.scale:
        way = between(batch.scale * RATE, scale * RATE)
        heard, past = way.convert(heard, streams.heard_past[rows, : way.history])
        streams.heard_past[rows, : way.history] = past
        samples = heard.shape[1]
    at, lent = streams.audio_heard[rows], _ring(media, rows)
    media.heard_rings.write(lent, at % RING, samples, heard)
    streams.audio_heard[rows] = at + samples
    rings.heard_written[lent] = at + samples


def _take(media: Media, rows: Rows, batch: Batch, scale: int) -> None:
    streams = media.streams
    spoken = _read(media, rows, batch.samples * scale // batch.scale)
    if scale != batch.scale:
        way = between(scale * RATE, batch.scale * RATE)
        spoken, past = way.convert(spoken, streams.said_past[rows, : way.history])
        streams.said_past[rows, : way.history] = past
    streams.spoken[rows, : batch.samples] = spoken


def _read(media: Media, rows: Rows, samples: int) -> Column[np.int16]:
    """Return the next samples that were written; where there are not so many, silence."""
    streams, rings, lent = media.streams, media.audio, _ring(media, rows)
    written, at = rings.said_written[lent], streams.audio_said[rows]
    waiting = written - at
    sane = (waiting >= 0) & (waiting <= RING)
    if not every(sane):
        at, waiting = np.where(sane, at, written), np.where(sane, waiting, 0)
    spoken = media.said_rings.read(lent, at % RING, samples)
    short = waiting < samples
    if some(short):
        spoken[np.arange(samples) >= waiting[:, np.newaxis]] = 0
        lacking = np.where(at + waiting > 0, np.maximum(samples - waiting, 0), 0)
        streams.audio_missing[rows] += lacking
        rings.said_missing[lent] = streams.audio_missing[rows]
    at = at + np.minimum(waiting, samples)
    streams.audio_said[rows] = at
    rings.said_read[lent] = at
    return spoken


def _ring(media: Media, rows: Rows) -> Column[np.intp]:
    return media.streams.audio[rows].astype(np.intp) - 1
