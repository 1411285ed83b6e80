"""What fills a hole: the waveform goes on with its pitch, then fades (after G.711 Appendix I).

The first 20 ms repeat one pitch period, then two, then three take turns, so that it does not
sound like a machine (the appendix does so after 10 ms, which scores less with speech).  From 10 ms
on it fades, and after 60 ms there is silence.  The less a sound repeats itself, the quieter is what
is made up of it: a wrong guess is worse than less.  Edges are blended:
within the repetition, where one number of periods follows another, and into what comes after.

All of it works on many rows at once, each with its own pitch.  A ``past`` ends where a hole begins.
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.streams import MILLISECOND

SHORTEST: Final = 40
"""Samples at 8 kHz of the shortest period looked for, 200 Hz."""
LONGEST: Final = 120
TEMPLATE: Final = 160
"""Samples at 8 kHz that are compared."""
KNOWN: Final = 400
"""Samples at 8 kHz of the past that are needed: three periods and a bit."""
STEADY: Final = 20 * MILLISECOND
LOUD: Final = 10 * MILLISECOND
"""Samples at 8 kHz until it fades, and until it is as quiet as its likeness says."""
FADE: Final = 50 * MILLISECOND
BLEND: Final = 4 * MILLISECOND
"""Samples at 8 kHz of blending into what follows, for 20 ms of hole."""

Floats = Column[np.float32]
Numbers = Column[np.int64]


def pitch(past: Floats, scale: int) -> Numbers:
    """Return the pitch periods at the end of ``past`` (rows, samples), in samples."""
    if scale > 1:
        past = past.reshape(len(past), -1, scale).mean(axis=2, dtype=np.float32)
    past = past[:, -(TEMPLATE + LONGEST) :]
    recent = past[:, -TEMPLATE:]
    earlier = np.lib.stride_tricks.sliding_window_view(past[:, :-SHORTEST], TEMPLATE, axis=1)
    likeness = scores(recent, earlier)
    lags: Numbers = (LONGEST - likeness.argmax(axis=1)) * scale
    return lags


def scores(one: Floats, others: Column[np.float32]) -> Floats:
    """Return how alike ``one`` (rows, n) and ``others`` (rows, choices, n) are, from -1 to 1."""
    products: Floats = np.einsum("rcn,rn->rc", others, one)
    energies: Floats = np.einsum("rcn,rcn->rc", others, others)
    energy: Floats = np.einsum("rn,rn->r", one, one)
    alike = products / np.sqrt(energies * energy[:, np.newaxis] + np.float32(1))
    likeness: Floats = alike.astype(np.float32, copy=False)
    return likeness


def extend(past: Floats, lags: Numbers, elapsed: Numbers, samples: int, scale: int) -> Floats:
    """Return what goes on behind ``past``: ``samples`` of it, of which the first is ``elapsed``."""
    times = np.maximum(elapsed[:, np.newaxis] + np.arange(samples), 0)
    lag, step = lags[:, np.newaxis], STEADY * scale
    sound = _repeat(past, lag, times, 1)
    last = int(times[:, -1].max())
    for periods in (2, 3):
        begin = step * (periods - 1)
        if last >= begin:
            share = np.clip((times - begin) / (lag // 4), 0, 1).astype(np.float32)
            sound += share * (_repeat(past, lag, times, periods) - sound)
    step_back = past[:, -1:] - np.take_along_axis(past, past.shape[1] - 1 - lag, axis=1)
    sound += step_back * np.maximum(1 - times / (lag // 4), 0).astype(np.float32)
    trust = 1 - np.minimum(times / (LOUD * scale), 1) * (1 - _trust(past, lag, scale))
    sound *= (trust * np.clip(1 - (times - LOUD * scale) / (FADE * scale), 0, 1)).astype(np.float32)
    return sound


def _trust(past: Floats, lag: Numbers, scale: int) -> Floats:
    """Return how much what goes on is worth, shape (rows, 1): 1 if it repeats itself exactly."""
    places = past.shape[1] - TEMPLATE * scale + np.arange(TEMPLATE * scale)
    earlier = np.take_along_axis(past, places - lag, axis=1)
    likeness = scores(past[:, -TEMPLATE * scale :], earlier[:, np.newaxis])
    trust: Floats = np.sqrt(np.clip(likeness, 0, 1))
    return trust


def _repeat(past: Floats, lag: Numbers, times: Numbers, periods: int) -> Floats:
    """Repeat the last ``periods``, whose end is blended with what was before their beginning."""
    span = lag * periods
    phase = times % span
    at = past.shape[1] - span + phase
    blend = lag // 4
    share = np.clip((phase - span + blend + 1) / (blend + 1), 0, 1).astype(np.float32)
    sound: Floats = np.take_along_axis(past, at, axis=1)
    before = np.take_along_axis(past, np.maximum(at - span, 0), axis=1)
    sound += share * (before - sound)
    return sound


def weigh(holes: Column[np.bool_], gaps: Numbers, lags: Numbers, scale: int) -> Floats:
    """Return how much of what arrived is heard, sample by sample: less just behind a hole.

    ``gaps``: samples of hole just before these.
    """
    numbers: Numbers = np.arange(int(holes.shape[1]), dtype=np.int64)
    far = -(1 << 20)
    before = np.where(gaps > 0, -1, far)[:, np.newaxis]
    latest: Numbers = np.maximum.accumulate(np.where(holes, numbers, before), axis=1)
    lengths = gaps + holes.sum(axis=1)
    longest = 10 * MILLISECOND * scale
    ramp = np.minimum(lags // 4 + lengths * BLEND // STEADY, longest)[:, np.newaxis]
    weights: Floats = np.minimum((numbers - latest) / (ramp + 1), 1).astype(np.float32)
    weights[holes] = 0
    return weights
