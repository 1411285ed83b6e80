"""Pairs of tones in audio: which digit is in a window of 25 ms, for many windows at once (Q.24).

One matrix product gives the strength of each of the eight frequencies, and of two beside each, as
those of a peer may be off by 1.5 %.  A window holds a digit if the two strongest, one of each
group, make up nearly all of its energy, are loud enough and not too unequal, and turn from window
to window as fast as their frequency says: what is off by 3.5 % must be refused.
"""

from typing import Final, NamedTuple

import numpy as np

from bus.columns import Column
from mediaworker.masks import some
from mediaworker.rtp.event import KEYS
from mediaworker.sources.dtmf import FINEST, HIGH, KEYPAD, LOW
from mediaworker.sources.resample import RATE
from mediaworker.sources.tones import FULL_SCALE_DBM0

WINDOW: Final = 200
"""Samples at 8 kHz."""
HOP: Final = 80
"""From one window to the next, 10 ms: a divisor of every packet time."""
PAST: Final = WINDOW - HOP
FINEST_PAST: Final = FINEST * PAST
BESIDE: Final = (-0.012, 0.0, 0.012)
TONES: Final = len(LOW) + len(HIGH)
TURNS: Final = TONES * len(BESIDE)
"""Complex numbers to a window."""

SHARE: Final = 0.72
"""Of the energy, that the two tones must have."""
PURE: Final = 0.9
"""The same, in at least one window of a digit: music comes near to pairs, but not so near."""
QUIETEST: Final = 10 ** ((-36 - FULL_SCALE_DBM0) / 10) * 32767**2 / 2
"""Power of the weaker tone."""
LOW_LOUDER: Final = 10 ** (9 / 10)
HIGH_LOUDER: Final = 10 ** (6 / 10)
OFF: Final = 0.024
"""Of the frequency, beyond which a tone is another."""
NONE: Final = -1
TURN: Final = np.complex64(1j)

CODES: Final = np.array([[KEYS.index(key) for key in keys] for keys in KEYPAD], np.int8)
FREQUENCIES: Final = np.outer((*LOW, *HIGH), [1 + each for each in BESIDE]).reshape(-1)


def _basis(scale: int) -> Column[np.float32]:
    turns = np.outer(np.arange(WINDOW * scale), FREQUENCIES / (RATE * scale))
    waves = np.concatenate([np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)], axis=1)
    return np.asarray(waves * (np.sqrt(2) / (WINDOW * scale)), np.float32)


BASES: Final = {scale: _basis(scale) for scale in (1, 2)}
"""Shape (WINDOW * scale, 2 * TURNS); a sine's power is the squared length of what it gives."""
STEADY: Final = np.exp(-2j * np.pi * FREQUENCIES * HOP / RATE).astype(np.complex64)
FIRSTS: Final = np.array([0, TURNS // 2])
NEAREST: Final = np.repeat([*LOW, *HIGH], len(BESIDE))


class Found(NamedTuple):
    """What is in windows."""

    codes: Column[np.int8]
    """RFC 4733 event codes, shape (n, windows); ``NONE`` where there is no digit."""
    pure: Column[np.bool_]
    """Whether there is hardly anything else, shape (n, windows)."""
    turns: Column[np.complex64]
    """Of the last windows, shape (n, TURNS)."""


def find(audio: Column[np.int16], scale: int, turns: Column[np.complex64]) -> Found:
    """Look for digits in audio of shape (n, (PAST + windows * HOP) * scale).

    ``turns``: of the windows before these.
    """
    count = (audio.shape[1] - PAST * scale) // (HOP * scale)
    wide = audio.astype(np.float32)
    step = wide.strides[1]
    windows = np.lib.stride_tricks.as_strided(
        wide,
        (len(audio), count, WINDOW * scale),
        (wide.strides[0], HOP * scale * step, step),
    )
    parts = windows.reshape(-1, WINDOW * scale) @ BASES[scale]
    now = (
        (parts[:, :TURNS] + TURN * parts[:, TURNS:])
        .astype(np.complex64)
        .reshape(len(audio), count, TURNS)
    )
    before = np.concatenate([turns[:, np.newaxis], now[:, :-1]], axis=1)
    energy = np.einsum("ijk,ijk->ij", windows, windows) / np.float32(WINDOW * scale)
    return Found(*_judge(now, before, energy), now[:, -1])


def _judge(
    now: Column[np.complex64], before: Column[np.complex64], energy: Column[np.float32]
) -> tuple[Column[np.int8], Column[np.bool_]]:
    powers = now.real**2 + now.imag**2
    groups = powers.reshape(*powers.shape[:2], 2, TURNS // 2)
    low, high = np.moveaxis(groups.max(axis=3), 2, 0)
    good = low + high >= np.float32(SHARE) * energy
    good &= (np.minimum(low, high) >= QUIETEST) & (low <= LOW_LOUDER * high)
    good &= high <= HIGH_LOUDER * low
    codes = np.full(good.shape, NONE, np.int8)
    if some(good):
        strongest = groups[good].argmax(axis=2)
        off = _off(now[good], before[good], strongest + FIRSTS)
        keys = CODES[strongest[:, 0] // len(BESIDE), strongest[:, 1] // len(BESIDE)]
        codes[good] = np.where((off <= OFF).all(axis=1), keys, np.int8(NONE))
    return codes, low + high >= np.float32(PURE) * energy


def _off(
    now: Column[np.complex64], before: Column[np.complex64], places: Column[np.intp]
) -> Column[np.float64]:
    """Return by how much the frequencies are off, of what the keypad has."""
    step = np.take_along_axis(now * before.conj(), places, 1) * STEADY[places]
    hertz = np.angle(step) * (RATE / (2 * np.pi * HOP)) + FREQUENCIES[places]
    off: Column[np.float64] = np.abs(hertz / NEAREST[places] - 1)
    return off
