import importlib.util
import sys

import numpy as np
import pytest

from bus.columns import Column
from bus.devices import DeviceError
from mediaworker.devices.voice import Voice
from tests.mediaworker.devices.virtual import Worker, rings

installed = pytest.mark.skipif(
    importlib.util.find_spec("pywebrtc_audio") is None, reason="the extra `voice` is not installed"
)
RATE = 16000


def talk(seconds: float, seed: int) -> Column[np.int16]:
    """Return noise with the pauses of speech."""
    random = np.random.default_rng(seed)
    sound = random.normal(0, 3000, round(seconds * RATE))
    loudness = np.repeat(random.integers(0, 2, round(seconds * 5) + 1), RATE // 5)[: len(sound)]
    return np.asarray((sound * loudness).clip(-20000, 20000), np.int16)


@installed
def test_what_the_speaker_says_is_not_said_back() -> None:
    end = rings(RATE)
    worker, voice = Worker(end), Voice(end)
    far = talk(12, 1)
    echo = np.concatenate((np.zeros(800, np.int16), far // 2))[: len(far)]
    cleaned = list[Column[np.int16]]()
    for begin in range(0, len(far), 320):
        worker.until(worker.next_at, far)
        cleaned.append(voice.clean(echo[begin : begin + 320]))
    left = np.concatenate(cleaned)[8 * RATE :].astype(np.float64)
    came = echo[8 * RATE :].astype(np.float64)
    assert np.mean(left**2) < np.mean(came**2) / 100


@installed
def test_blocks_of_any_length_lose_nothing() -> None:
    voice = Voice(rings(RATE))
    lengths = [len(voice.clean(np.zeros(samples, np.int16))) for samples in (100, 60, 333, 1)]
    assert lengths == [0, 160, 320, 0]


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    with pytest.raises(DeviceError, match=r"offhook\[voice\]"):
        Voice(rings(RATE))
