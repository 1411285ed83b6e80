"""The resampler keeps what 8 kHz can carry and removes what it cannot."""

import numpy as np
import pytest

from bus.columns import Column
from mediaworker.sources.resample import RATE, Resampler


def resampled(samples: Column[np.float32], rate: int, piece: int = 8000) -> Column[np.float32]:
    resampler = Resampler(rate)
    length = resampler.output_length(len(samples))
    padded = np.pad(samples, 2000)
    pieces: list[Column[np.float32]] = []
    for first in range(0, length, piece):
        count = min(piece, length - first)
        begin, width = resampler.span(first, count)
        pieces.append(resampler.convert(padded[2000 + begin : 2000 + begin + width], first, count))
    return np.concatenate(pieces)


def sweep(rate: int, low: float, high: float, seconds: float) -> Column[np.float32]:
    at = np.arange(int(rate * seconds)) / rate
    phase = 2 * np.pi * (low * at + (high - low) / (2 * seconds) * at**2)
    return (10000 * np.sin(phase)).astype(np.float32)


def level(samples: Column[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(samples.astype(np.float64)))))


@pytest.mark.parametrize("rate", [11025, 16000, 22050, 44100, 48000, 96000])
def test_what_8_khz_cannot_carry_is_gone(rate: int) -> None:
    high = min(rate / 2 - 100, 20000)
    samples = sweep(rate, 4005, high, 1.0)
    middle = resampled(samples, rate)[200:-200]
    assert 20 * np.log10(level(middle) / level(samples)) < -60


CARRIED = [
    (rate, frequency)
    for rate in (6000, 8001, 11025, 12000, 22050, 44100, 48000)
    for frequency in (50.0, 1000.0, 2600.0, 3400.0)
    if frequency < 0.45 * rate
]


@pytest.mark.parametrize(("rate", "frequency"), CARRIED)
def test_what_8_khz_can_carry_is_kept(rate: int, frequency: float) -> None:
    wave = 10000 * np.sin(2 * np.pi * frequency * np.arange(rate) / rate)
    result = resampled(wave.astype(np.float32), rate)
    wanted = 10000 * np.sin(2 * np.pi * frequency * np.arange(len(result)) / RATE)
    assert len(result) == RATE
    assert np.max(np.abs(result - wanted)[200:-200]) < 10


@pytest.mark.parametrize("rate", [11025, 48000])
def test_pieces_join_without_a_seam(rate: int) -> None:
    samples = np.random.default_rng(1).normal(0, 5000, rate).astype(np.float32)
    whole, pieces = resampled(samples, rate), resampled(samples, rate, piece=77)
    assert np.max(np.abs(whole - pieces)) < 0.05


def test_a_constant_stays_itself() -> None:
    result = resampled(np.full(44100, 1234, np.float32), 44100)
    assert np.max(np.abs(result[200:-200] - 1234)) < 0.01
