"""The built-in tune: no seam, no surprise in level, nothing that a detector takes for a signal."""

import numpy as np
import pytest

from bus.columns import Column
from mediaworker.sources.music import music

RATE = 8000
SECONDS = 5.0


def spectrum(samples: Column[np.int16]) -> tuple[Column[np.float64], Column[np.float64]]:
    """Return frequencies and the part of the power at each."""
    power: Column[np.float64] = np.square(np.abs(np.fft.rfft(samples.astype(np.float64))))
    return np.arange(len(power)) * RATE / len(samples), power / power.sum()


def test_it_is_some_seconds_long_and_always_the_same() -> None:
    assert SECONDS < len(music()) / RATE < 20
    assert music().tobytes() == music.__wrapped__().tobytes()


def test_no_click_where_the_loop_closes() -> None:
    tune = music().astype(np.int64)
    inside, seam = np.abs(np.diff(tune)), abs(int(tune[0] - tune[-1]))
    assert seam <= inside.max()
    bend = np.abs(np.diff(np.concatenate([tune[-40:], tune[:40]]), 2))
    assert bend.max() <= np.abs(np.diff(tune, 2)).max()


def test_what_rings_at_the_end_is_heard_at_the_beginning() -> None:
    tune = music().astype(np.float64)
    assert np.sqrt(np.mean(np.square(tune[:400]))) > 0.2 * np.sqrt(np.mean(np.square(tune)))


def test_level() -> None:
    tune = music().astype(np.float64)
    power = 10 * np.log10(np.mean(np.square(tune)) / (32767**2 / 2)) + 3.14
    assert power == pytest.approx(-20, abs=0.1)
    assert np.abs(tune).max() < 16000
    for begin in range(0, len(tune), 4000):  # calm: it never stops, and nothing sticks out
        part = np.mean(np.square(tune[begin : begin + 4000])) / (32767**2 / 2)
        assert -28 < 10 * np.log10(part) + 3.14 < -15


def test_no_detector_takes_it_for_digits_or_a_fax() -> None:
    """DTMF needs a tone of at least 1209 Hz (less 3.5 percent) beside a lower; CNG is 1100 Hz."""
    frequencies, power = spectrum(music())
    assert power[frequencies > 1062].sum() < 1e-4
    tune = music()
    for begin in range(0, len(tune) - 400, 200):
        frequencies, power = spectrum(
            (tune[begin : begin + 400] * np.hanning(400)).astype(np.int16)
        )
        assert power[frequencies > 1160].sum() < 1e-2
