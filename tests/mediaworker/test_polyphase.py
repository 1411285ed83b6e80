import math

import numpy as np
import pytest

from bus.columns import Column
from mediaworker.polyphase import between


def sine(frequency: float, rate: int, seconds: float = 0.4) -> Column[np.int16]:
    at = np.arange(int(rate * seconds)) / rate
    return np.asarray(np.rint(16000 * np.sin(2 * np.pi * frequency * at)), np.int16)


def spectrum(samples: Column[np.int16], rate: int) -> tuple[Column[np.float64], Column[np.float64]]:
    """Frequencies, and dB below the amplitude of ``sine``."""
    middle = samples[len(samples) // 4 :]
    window = np.blackman(len(middle))
    lines = abs(np.fft.rfft(middle * window)) / window.sum() * 2 / 16000
    levels = np.asarray(20 * np.log10(np.maximum(lines, 1e-9)), np.float64)
    return np.asarray(np.fft.rfftfreq(len(middle), 1 / rate), np.float64), levels


def converted(samples: Column[np.int16], source: int, target: int, block: int) -> Column[np.int16]:
    """In blocks, as it is done live."""
    polyphase = between(source, target)
    history, made = polyphase.begin(), list[Column[np.int16]]()
    for begin in range(0, len(samples) // block * block, block):
        piece, history = polyphase.convert(samples[np.newaxis, begin : begin + block], history)
        made.append(piece[0])
    return np.concatenate(made)


RATES = [
    (8000, 16000),
    (16000, 8000),
    (48000, 8000),
    (48000, 16000),
    (8000, 48000),
    (16000, 48000),
    (44100, 8000),
    (44100, 16000),
    (16000, 44100),
]


@pytest.mark.parametrize(("source", "target"), RATES)
@pytest.mark.parametrize("frequency", [300, 1000, 2900])
def test_a_tone_keeps_its_level_and_nothing_else_is_heard(
    source: int, target: int, frequency: int
) -> None:
    heard = converted(sine(frequency, source), source, target, between(source, target).step)
    frequencies, levels = spectrum(heard, target)
    assert abs(levels[abs(frequencies - frequency) < 30].max()) < 0.1
    assert levels[abs(frequencies - frequency) > 100].max() < -75


@pytest.mark.parametrize(("source", "target"), [each for each in RATES if each[0] > each[1]])
def test_what_the_lower_rate_cannot_hold_is_gone(source: int, target: int) -> None:
    heard = converted(sine(0.62 * target, source), source, target, between(source, target).step)
    assert spectrum(heard, target)[1].max() < -75


@pytest.mark.parametrize(("source", "target"), RATES)
def test_it_waits_for_twelve_samples_of_the_lower_rate(source: int, target: int) -> None:
    step = between(source, target).step
    click = np.zeros(source, np.int16)
    click[step * 5] = 30000
    heard = converted(click, source, target, step)
    delay = int(abs(heard).argmax()) / target - 5 * step / source
    assert delay == pytest.approx(12 / min(source, target), abs=1 / min(source, target))


@pytest.mark.parametrize("block", [80, 160, 480])
def test_blocks_leave_no_seams(block: int) -> None:
    noise = np.random.default_rng(5).integers(-20000, 20000, 4800).astype(np.int16)
    whole = converted(noise, 8000, 16000, 4800)
    in_blocks = converted(noise, 8000, 16000, block)
    assert abs(in_blocks.astype(int) - whole).max() <= 1  # sums are rounded in another order


def test_rows_do_not_mix() -> None:
    up = between(8000, 16000)
    alone, together = sine(700, 8000)[:160], sine(1900, 8000)[:160]
    both, history = up.convert(np.stack([alone, together]), up.begin(2))
    assert np.array_equal(both[0], up.convert(alone[np.newaxis], up.begin())[0][0])
    assert np.array_equal(history[1], together[-up.history :])


def test_what_is_too_loud_is_clipped_and_does_not_wrap() -> None:
    square = np.where(np.arange(800) // 20 % 2, 32767, -32768).astype(np.int16)
    heard = converted(square, 8000, 16000, 160)
    assert heard.max() == 32767
    assert math.isclose(abs(np.diff(heard.astype(int))).max(), 40000, rel_tol=0.2)
