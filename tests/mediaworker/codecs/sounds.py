"""Sounds to code, and how alike two are."""

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from bus.columns import Column

VECTORS: Final = Path(__file__).parents[2] / "data" / "codecs"


class Vector(NamedTuple):
    """Payloads and what another implementation makes of them."""

    payloads: list[bytes]
    decoded: Column[np.int16]


def vector(name: str) -> Vector:
    with np.load(VECTORS / f"{name}.npz") as arrays:
        content, ends = arrays["payloads"].tobytes(), np.cumsum(arrays["sizes"]).tolist()
        begins = [0, *ends[:-1]]
        payloads = [content[begin:end] for begin, end in zip(begins, ends, strict=True)]
        return Vector(payloads, arrays["decoded"])


def swept(rate: int, seconds: float = 0.4) -> Column[np.int16]:
    """A tone that rises to three quarters of what the rate can hold, louder and softer."""
    at = np.arange(int(rate * seconds)) / rate
    top = 0.375 * rate
    phase = 2 * np.pi * (200 * at + (top - 200) / 2 * at * at / seconds)
    loudness = 6000 + 3000 * np.sin(2 * np.pi * 4 * at)
    return np.asarray(np.rint(loudness * np.sin(phase)), np.int16)


def likeness(
    sound: Column[np.int16], other: Column[np.int16], most: int = 400
) -> tuple[float, int]:
    """Their correlation where it is best, and by how many samples ``other`` is late there."""
    first = sound.astype(np.float64)
    best = (-1.0, 0)
    for late in range(most):
        second = other[late:].astype(np.float64)
        size = min(len(first), len(second))
        best = max(best, (float(np.corrcoef(first[:size], second[:size])[0, 1]), late))
    return best


def pieces(sound: Column[np.int16], samples: int) -> list[Column[np.int16]]:
    return [sound[at : at + samples] for at in range(0, len(sound), samples)]


def resemblance(sound: Column[np.int16], other: Column[np.int16], most: int = 4000) -> float:
    """The median correlation of short pieces with where they are found best in ``other``.

    What lies between may be longer or shorter there.
    """
    found = list[float]()
    for begin in range(0, len(sound) - 800, 800):
        piece = sound[begin : begin + 800].astype(np.float64)
        around = other[begin : begin + most].astype(np.float64)
        if len(around) <= len(piece):
            break
        windows = np.lib.stride_tricks.sliding_window_view(around, len(piece))
        norms = np.sqrt(np.square(windows).sum(axis=1)) * np.sqrt(np.square(piece).sum())
        found.append(float((windows @ piece / np.maximum(norms, 1)).max()))
    return float(np.median(found))
