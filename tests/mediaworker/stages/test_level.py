import numpy as np
import pytest

from bus.columns import Column
from mediaworker.media import Batch, Media
from mediaworker.stages.level import dbov, level

SINE = np.sin(2 * np.pi * 1000 / 8000 * np.arange(160))


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (np.tile([-32768, 32767], 80), 0.0),
        (32767 * SINE, -3.01),
        (3276.7 * SINE, -23.01),
        (np.zeros(160), -127.0),
    ],
)
def test_known_levels(frame: Column[np.float64], expected: float) -> None:
    assert dbov(frame.astype(np.int16)[np.newaxis])[0] == pytest.approx(expected, abs=0.01)


def test_the_weakest_noise_is_louder_than_silence() -> None:
    frame = np.zeros((1, 160), np.int16)
    frame[0, 7] = 1
    assert -127 < dbov(frame)[0] < -110


def test_both_directions() -> None:
    media = Media.private(3)
    media.streams.heard[1, :160] = 32767 * SINE
    media.streams.said[2, :160] = 32767 * SINE
    level(media, Batch(np.array([1, 2]), 160))
    assert media.public.level_received.round(1).tolist() == [0.0, -3.0, -127.0]
    assert media.public.level_sent.round(1).tolist() == [0.0, -127.0, -3.0]
