import shutil
import subprocess
import wave
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest

from bus.columns import Column
from mediaworker.pairs import NONE, PAST, TURNS, find
from mediaworker.rtp.event import KEYS
from mediaworker.sources.dtmf import HIGH, KEYPAD, LOW
from tools.sound import tune

PAIRS = {
    key: (LOW[row], HIGH[place])
    for row, keys in enumerate(KEYPAD)
    for place, key in enumerate(keys)
}
SPEECH = Path("/usr/share/asterisk/sounds")
Audio = Column[np.int16]


def tones(
    low: float,
    high: float,
    milliseconds: float = 40,
    level: float = -10,
    twist: float = 0,
    rate: int = 8000,
    lead: int = 0,
) -> Audio:
    """Return a pair of tones between 100 ms of silence: level in dBm0, twist in dB."""
    at = np.arange(round(milliseconds * rate / 1000)) / rate
    loud = 32767 * 10 ** ((level - 3.14) / 20)
    sound = np.sin(2 * np.pi * low * at) + 10 ** (twist / 20) * np.sin(2 * np.pi * high * at + 1)
    quiet = np.zeros(rate // 10)
    return np.concatenate([np.zeros(lead), quiet, loud * sound, quiet]).astype(np.int16)


def windows(audio: Audio, scale: int = 1) -> list[tuple[str, bool]]:
    """Return the digits in all windows, ``.`` for none, and whether there is nothing else."""
    hop, past = 80 * scale, PAST * scale
    whole = np.concatenate([np.zeros(past, np.int16), audio[: len(audio) // hop * hop]])
    found = find(whole[np.newaxis], scale, np.zeros((1, TURNS), np.complex64))
    keys = [KEYS[code] if code != NONE else "." for code in found.codes[0].tolist()]
    return list(zip(keys, found.pure[0].tolist(), strict=True))


def digits(audio: Audio, scale: int = 1) -> str:
    """Return the digits that two windows in a row hold, one of them purely."""
    runs = ((key, list(run)) for key, run in groupby(windows(audio, scale), itemgetter(0)))
    return "".join(
        key for key, run in runs if key != "." and len(run) > 1 and any(pure for _, pure in run)
    )


@pytest.mark.parametrize("lead", [0, 23, 41, 79])
@pytest.mark.parametrize("key", KEYS)
def test_forty_milliseconds_are_enough(key: str, lead: int) -> None:
    assert digits(tones(*PAIRS[key], lead=lead)) == key


@pytest.mark.parametrize("key", KEYS)
def test_wide_audio(key: str) -> None:
    assert digits(tones(*PAIRS[key], rate=16_000), scale=2) == key


@pytest.mark.parametrize("off", [-0.015, 0.015])
@pytest.mark.parametrize("key", KEYS)
def test_frequencies_may_be_off_a_little(key: str, off: float) -> None:
    low, high = PAIRS[key]
    assert digits(tones(low * (1 + off), high * (1 - off))) == key


@pytest.mark.parametrize("off", [-0.035, 0.035])
@pytest.mark.parametrize("key", KEYS)
def test_frequencies_that_are_off_by_more_are_others(key: str, off: float) -> None:
    low, high = PAIRS[key]
    assert digits(tones(low * (1 + off), high, 100)) == ""
    assert digits(tones(low, high * (1 + off), 100)) == ""


@pytest.mark.parametrize(("twist", "heard"), [(4, "5"), (-8, "5"), (9, ""), (-13, "")])
def test_twist(twist: float, heard: str) -> None:
    assert digits(tones(*PAIRS["5"], twist=twist)) == heard


@pytest.mark.parametrize(("level", "heard"), [(-3, "5"), (-25, "5"), (-45, "")])
def test_level(level: float, heard: str) -> None:
    assert digits(tones(*PAIRS["5"], level=level)) == heard


def test_what_is_shorter_than_20_ms_is_none() -> None:
    assert all(digits(tones(*PAIRS[key], milliseconds=17, lead=9)) == "" for key in KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_noise_15_db_below(key: str) -> None:
    audio = tones(*PAIRS[key], milliseconds=60)
    power = np.mean(np.square(audio[800:-800], dtype=np.float64))
    noise = np.random.default_rng(1).normal(0, np.sqrt(power) * 10 ** (-15 / 20), len(audio))
    assert digits(np.clip(audio + noise, -32768, 32767).astype(np.int16)) == key


def test_one_tone_is_no_digit() -> None:
    for hertz in (*LOW, *HIGH):
        assert digits(tones(hertz, hertz, 200)) == ""


def test_rows_are_looked_through_by_themselves() -> None:
    pieces = [tones(*PAIRS[key], milliseconds=100) for key in KEYS]
    audio = np.stack([np.concatenate([np.zeros(PAST, np.int16), each]) for each in pieces])
    codes = find(audio, 1, np.zeros((16, TURNS), np.complex64)).codes
    assert [set(row[row != NONE].tolist()) for row in codes] == [{code} for code in range(16)]


@pytest.mark.skipif(shutil.which("multimon-ng") is None, reason="multimon-ng is not installed")
def test_an_independent_decoder_agrees(tmp_path: Path) -> None:
    """What it takes for digits, in tones that get ever worse, we do as well."""
    rng = np.random.default_rng(7)
    for noise in (0, 300, 1000, 2000):
        keys = "".join(rng.permutation(list(KEYS)))
        whole = np.concatenate(
            [tones(*PAIRS[key], 80, twist=float(rng.uniform(-3, 3))) for key in keys]
        )
        whole = np.clip(whole + rng.normal(0, noise, len(whole)), -32768, 32767).astype(np.int16)
        theirs = _multimon(whole, tmp_path / f"{noise}.wav")
        assert theirs in ("", keys) or noise > 1000
        assert digits(whole) == keys


def _multimon(audio: Audio, path: Path) -> str:
    """Return what multimon-ng hears; it reads raw samples at 22050 Hz."""
    at = np.arange(int(len(audio) * 22050 / 8000)) * 8000 / 22050
    raw = np.interp(at, np.arange(len(audio)), audio).astype(np.int16)
    path.write_bytes(raw.tobytes())
    command = ["multimon-ng", "-q", "-a", "DTMF", "-t", "raw", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return "".join(
        line.split(":")[1].strip() for line in run.stdout.splitlines() if "DTMF:" in line
    )


@pytest.mark.parametrize("seed", range(40, 60))
def test_music_is_no_digit(seed: int) -> None:
    assert digits(tune(5, seed)) == ""


@pytest.mark.skipif(not SPEECH.is_dir(), reason=f"{SPEECH} is not installed")
def test_speech_is_no_digit() -> None:
    """Less than one false digit an hour; the prompts are in as many languages as are installed."""
    seconds, false = 0.0, 0
    for path in sorted(SPEECH.rglob("*.wav")):
        with wave.open(str(path)) as file:
            audio = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        if len(audio) > 400:
            seconds += len(audio) / 8000
            false += len(digits(audio))
    assert seconds > 1000
    assert false <= seconds / 3600
