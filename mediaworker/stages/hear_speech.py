"""When a peer speaks and when it is silent, for the rows that somebody ``watches``.

A frame may be speech if it is louder than the noise of the line (which is followed down at once
and up slowly), and no tone: of up to two sines each sample follows from the four before it, of
speech only roughly.  Speech begins with ``BEGIN`` of such frames and ends when there was none for
``END``.
"""

from typing import Final

import numpy as np

from bus.columns import Column
from bus.ids import StreamId
from bus.streams import StreamSpeech
from mediaworker.masks import places, some
from mediaworker.media import Batch, Media
from mediaworker.stages.level import SILENCE, dbov

BEGIN: Final = 10
"""Ticks, 50 ms."""
END: Final = 80
"""Ticks, 400 ms: longer than the stops within words."""
ABOVE: Final = 9.0
"""dB above the noise."""
QUIETEST: Final = -52.0
"""dBov; what is quieter is no speech, whatever the noise."""
NOISE: Final = (-75.0, -30.0)
"""dBov: what the noise is taken to be at least, and at most."""
RISE: Final = 0.02
"""dB a tick, 4 dB a second: by which the noise is taken to grow while it is not seen to."""
TONE: Final = -17.5
"""dB: what two sines leave unexplained is less than that, speech more."""
SLOW: Final = 0.2
"""Weight of one frame."""

WRITES: Final = frozenset(
    {"speaks", "speech_ticks", "speech_noise", "speech_tonal", "speech_since"}
)


def hear_speech(media: Media, batch: Batch) -> None:
    """Tell when peers begin to speak and cease to."""
    streams = media.streams
    watched = streams.watches[batch.rows]
    if not some(watched):
        return
    rows = batch.rows[watched]
    frames = streams.heard[rows, : batch.samples]
    voiced = _voiced(media, batch, frames[:, :: batch.scale], watched)
    run, speaks = streams.speech_ticks[rows], streams.speaks[rows]
    run = np.where(voiced == speaks, 0, run + batch.ticks).astype(np.int16)
    turns = run >= np.where(speaks, END, BEGIN)
    streams.speech_ticks[rows] = np.where(turns, 0, run)
    streams.speaks[rows] = speaks ^ turns
    for index in places(turns).tolist():
        _tell(media, int(rows[index]))


def _voiced(
    media: Media, batch: Batch, frames: Column[np.int16], watched: Column[np.bool_]
) -> Column[np.bool_]:
    """Return which frames may be speech, and follow the noise."""
    streams, rows = media.streams, batch.rows[watched]
    levels = dbov(frames)
    noise = np.clip(np.minimum(levels, streams.speech_noise[rows] + RISE * batch.ticks), *NOISE)
    loud = levels > np.maximum(noise + ABOVE, QUIETEST)
    streams.speech_noise[rows] = noise
    now, before = unexplained(frames), streams.speech_tonal[rows]
    tonal = np.where(before < 0, before + SLOW * (now - before), now)
    streams.speech_tonal[rows] = np.where(loud, tonal, 0)
    voiced: Column[np.bool_] = loud & (tonal > TONE)
    return voiced


def unexplained(frames: Column[np.int16]) -> Column[np.float32]:
    """Return how much of frames, shape (n, samples), is not the sum of two sines, dB.

    Such a sum follows x[n] + x[n-4] = a (x[n-1] + x[n-3]) + b x[n-2].
    """
    wide = frames.astype(np.float32)
    outer, inner, middle = wide[:, 4:] + wide[:, :-4], wide[:, 3:-1] + wide[:, 1:-3], wide[:, 2:-2]
    square, mixed, power = _dot(inner, inner), _dot(inner, middle), _dot(middle, middle) + 1.0
    first, second = _dot(outer, inner), _dot(outer, middle)
    whole = square * power - mixed * mixed + 1.0
    a, b = (first * power - second * mixed) / whole, (second * square - first * mixed) / whole
    left = np.maximum(_dot(outer, outer) - a * first - b * second, 1e-6 * power)
    decibels: Column[np.float32] = 10 * np.log10(left / power)
    return decibels


def _dot(one: Column[np.float32], other: Column[np.float32]) -> Column[np.float64]:
    sums: Column[np.float32] = np.einsum("ij,ij->i", one, other)
    return sums.astype(np.float64)


def _tell(media: Media, row: int) -> None:
    streams = media.streams
    ticks = media.tick - int(streams.speech_since[row])
    streams.speech_since[row] = media.tick
    media.events.append(
        StreamSpeech(
            stream=StreamId(int(media.public.stream[row])),
            speaks=bool(streams.speaks[row]),
            level=float(max(SILENCE, media.public.level_received[row])),
            lasted_ms=ticks * 5,
        )
    )
