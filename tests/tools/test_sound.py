"""The check that decides whether audio arrived must itself be able to say no."""

from pathlib import Path

import numpy as np
import pytest

from tools.sound import RATE, Samples, listen, read_wav, tune, write_wav

SONG = tune(4.0, 1)
OTHER = tune(4.0, 2)
SILENCE: Samples = np.zeros(RATE, np.int16)


def test_it_is_found_wherever_it_begins() -> None:
    heard = listen(SONG, np.concatenate([SILENCE, SONG, SILENCE]))
    assert heard.passes()
    assert heard.delay == pytest.approx(1.0, abs=0.001)
    assert heard.slips == 0


def test_a_jitter_buffer_may_slip() -> None:
    assert listen(SONG, np.concatenate([SONG[:16000], SONG[16160:], SILENCE])).slips == 1


WRONG = {
    "silence": np.concatenate([SILENCE] * 4),
    "nothing": SILENCE[:0],
    "another tune": OTHER,
    "half of it": SONG[: len(SONG) // 2],
    "too quiet": (SONG // 2).astype(np.int16),
    "both at once": SONG // 2 + OTHER // 2,
    "every other frame": np.where(np.arange(len(SONG)) // 160 % 2, SONG, 0).astype(np.int16),
}


@pytest.mark.parametrize("arrived", WRONG.values(), ids=WRONG.keys())
def test_something_else_does_not_pass(arrived: Samples) -> None:
    assert not listen(SONG, arrived).passes()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    stereo = np.stack([SONG, OTHER], axis=1)
    samples, rate = read_wav(write_wav(tmp_path / "a.wav", stereo))
    assert rate == RATE
    assert (samples == stereo).all()
