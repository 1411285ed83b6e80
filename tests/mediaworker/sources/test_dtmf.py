"""Digits are the tones of the keypad, at the right levels, and end softly."""

import numpy as np
import pytest

from bus.columns import Column
from mediaworker.rtp.event import KEYS
from mediaworker.sources.dtmf import FINEST, HIGH, LOW, PAIRS, RAMP, pair, sound

KEYPAD = {
    (697, 1209): "1",
    (697, 1336): "2",
    (697, 1477): "3",
    (697, 1633): "A",
    (770, 1209): "4",
    (770, 1336): "5",
    (770, 1477): "6",
    (770, 1633): "B",
    (852, 1209): "7",
    (852, 1336): "8",
    (852, 1477): "9",
    (852, 1633): "C",
    (941, 1209): "*",
    (941, 1336): "0",
    (941, 1477): "#",
    (941, 1633): "D",
}


def levels(samples: Column[np.int16]) -> dict[int, float]:
    """Return the levels in dBm0 at all eight frequencies, of a second of sound."""
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64))) * 2 / len(samples)
    return {
        hertz: 20 * float(np.log10(max(spectrum[hertz], 1e-3) / 32767)) + 3.14
        for hertz in (*LOW, *HIGH)
    }


@pytest.mark.parametrize(("tones", "key"), KEYPAD.items(), ids=KEYPAD.values())
def test_each_digit(tones: tuple[int, int], key: str) -> None:
    found = levels(pair(key))
    assert found.pop(tones[0]) == pytest.approx(-8, abs=0.05)
    assert found.pop(tones[1]) == pytest.approx(-6, abs=0.05)
    assert max(found.values()) < -70
    assert np.array_equal(PAIRS[KEYS.index(key)], pair(key))


def test_pieces_make_the_whole_and_a_second_is_a_loop() -> None:
    code, ends = np.array([5], np.uint8), np.array([20_000])
    whole = sound(code, np.array([0]), ends, 20_400)[0]
    pieces = [sound(code, np.array([begin]), ends, 400)[0] for begin in range(0, 20_400, 400)]
    assert np.array_equal(np.concatenate(pieces), whole)
    assert not whole[20_000:].any()
    assert np.array_equal(whole[8000:16_000], pair("5")[::FINEST])


def test_it_grows_and_fades() -> None:
    tone = sound(np.array([1], np.uint8), np.array([0]), np.array([800]), 800)[0].astype(np.int64)
    full = pair("1")[::FINEST].astype(np.int64)
    assert np.array_equal(tone[RAMP : 800 - RAMP], full[RAMP : 800 - RAMP])
    assert abs(tone[0]) == 0 and abs(tone[-1]) <= 21000 // RAMP
    assert np.abs(np.diff(tone)).max() <= np.abs(np.diff(full)).max()


def test_wide_audio_has_the_same_tones_and_as_long() -> None:
    code, begin, end = np.array([5], np.uint8), np.array([160]), np.array([800])
    narrow, wide = sound(code, begin, end, 800)[0], sound(code, begin, end, 1600, 2)[0]
    assert np.array_equal(wide[::2], narrow)
    assert not wide[2 * (800 - 160) :].any()
