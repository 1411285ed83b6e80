"""A tone is a loop that does not click."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import BadSourceError
from mediaworker.sources.tones import LONGEST, tone


@given(st.floats(20, 3800))
def test_no_click_where_the_loop_closes(frequency: float) -> None:
    loop = tone(frequency, 3.14)
    assert 0 < len(loop) <= LONGEST
    twice = np.concatenate([loop, loop]).astype(np.float64)
    turns = round(len(loop) * frequency / 8000) / len(loop)
    exact = 32767 * np.sin(2 * np.pi * turns * np.arange(len(twice)))
    assert np.max(np.abs(twice - exact)) < 0.6


@given(st.floats(20, 3800))
def test_the_frequency_is_the_one_asked_for(frequency: float) -> None:
    samples = len(tone(frequency, 0.0))
    periods = round(samples * frequency / 8000)
    assert abs(periods * 8000 / samples - frequency) < 0.03


@pytest.mark.parametrize("level", [3.14, 0.0, -10.0, -40.0])
def test_level(level: float) -> None:
    loop = tone(1000.0, level).astype(np.float64)
    power = 10 * np.log10(np.mean(np.square(loop)) / (32767**2 / 2))
    assert power == pytest.approx(level - 3.14, abs=0.05)


@pytest.mark.parametrize(
    ("frequency", "level"),
    [(19.9, 0), (3801, 0), (float("nan"), 0), (440, 3.2), (440, float("nan"))],
)
def test_out_of_range(frequency: float, level: float) -> None:
    with pytest.raises(BadSourceError, match="tone of"):
        tone(frequency, level)
