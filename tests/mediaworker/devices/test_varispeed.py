import numpy as np
import pytest

from bus.columns import Column
from mediaworker.devices.varispeed import Varispeed


def sine(frequency: float, samples: int, rate: int) -> Column[np.int16]:
    turns = 2 * np.pi * frequency * np.arange(samples) / rate
    return np.asarray(np.rint(12000 * np.sin(turns)), np.int16)


def convert(way: Varispeed, sound: Column[np.int16], block: int) -> Column[np.int16]:
    pieces = [way.convert(sound[begin : begin + block]) for begin in range(0, len(sound), block)]
    return np.concatenate(pieces)


def noise_of(sound: Column[np.int16], frequency: float, rate: int) -> float:
    """Return what is not the tone, in dB of it."""
    at = 2 * np.pi * frequency * np.arange(len(sound)) / rate
    basis = np.stack((np.sin(at), np.cos(at)))
    parts, *_ = np.linalg.lstsq(basis.T, sound.astype(np.float64), rcond=None)
    rest = sound - parts @ basis
    return float(10 * np.log10(np.mean(rest**2) / np.mean((parts @ basis) ** 2)))


@pytest.mark.parametrize(
    ("source", "target"), [(48000, 16000), (16000, 48000), (44100, 8000), (8000, 44100)]
)
@pytest.mark.parametrize("frequency", [300.0, 1000.0, 3000.0])
def test_a_tone_stays_that_tone(source: int, target: int, frequency: float) -> None:
    made = convert(Varispeed(source, target), sine(frequency, source, source), 441)
    assert len(made) == pytest.approx(target, abs=target // 100)
    assert noise_of(made[400:], frequency, target) < -60


def test_what_the_lower_rate_cannot_have_is_not_folded_into_it() -> None:
    made = convert(Varispeed(48000, 8000), sine(5000.0, 48000, 48000), 480)
    assert abs(made[100:]).max() < 40


def test_blocks_of_any_length_give_the_same_samples() -> None:
    sound = np.random.default_rng(1).integers(-9000, 9000, 4800).astype(np.int16)
    whole = Varispeed(48000, 16000).convert(sound)
    for block in (1, 7, 160, 481):
        assert convert(Varispeed(48000, 16000), sound, block).tolist() == whole.tolist()


def test_a_ratio_that_changes_makes_no_jump() -> None:
    """The phase of a tone advances evenly, but for the ratio."""
    way, pieces = Varispeed(48000, 16000), list[Column[np.int16]]()
    sound = sine(1000.0, 48000 * 2, 48000)
    for index, begin in enumerate(range(0, len(sound), 480)):
        pieces.append(way.convert(sound[begin : begin + 480], 1 + 0.004 * np.sin(index / 5)))
    made = np.concatenate(pieces)[200:].astype(np.float64)
    quadrature = np.convolve(made * np.exp(-2j * np.pi * np.arange(len(made)) / 16), np.ones(16))
    phase = np.unwrap(np.angle(quadrature[16:-16]))
    assert abs(np.diff(phase)).max() < 2 * np.pi / 16 * 0.012  # a slip of one sample is 0.02
