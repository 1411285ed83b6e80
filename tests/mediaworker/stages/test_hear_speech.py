import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bus.columns import Column
from bus.streams import StreamSpeech
from mediaworker import rows
from mediaworker.codecs.g711 import ULAW
from mediaworker.stages.hear_speech import BEGIN, END, TONE, unexplained
from tests.mediaworker.virtual import Worker, packets

Audio = Column[np.int16]
PROMPT = Path("/usr/share/asterisk/sounds/en_US_f_Allison/vm-instructions.wav")


def buzz(seconds: float, level: float = 3000) -> Audio:
    """Return what is as rich as a voice: pulses at 130 Hz through two formants, and some noise."""
    count = int(8000 * seconds)
    pulses = np.zeros(count)
    pulses[:: 8000 // 130] = 1
    at = np.arange(200)
    first = np.sin(2 * np.pi * 600 * at / 8000) * np.exp(-at / 40)
    ringing = first + np.sin(2 * np.pi * 1700 * at / 8000) * np.exp(-at / 20)
    sound = np.convolve(pulses, ringing)[:count]
    noise = np.random.default_rng(3).normal(0, 0.02, count)
    return np.asarray(level * (sound + noise), np.int16)


def quiet(seconds: float, level: float = 8) -> Audio:
    return np.random.default_rng(4).normal(0, level, int(8000 * seconds)).astype(np.int16)


def tones(seconds: float, *hertz: float, level: float = 5000) -> Audio:
    at = np.arange(int(8000 * seconds)) / 8000
    return np.asarray(level * sum(np.sin(2 * np.pi * each * at) for each in hertz), np.int16)


def told(*parts: Audio, watch: bool = True) -> list[tuple[bool, int]]:
    """Return what is told, as (speaks, ticks from the first packet)."""
    worker, found = Worker(), list[tuple[bool, int]]()
    row = worker.open()
    rows.watch(worker.media, row, on=watch)
    audio = np.concatenate(parts)
    for index, packet in enumerate(packets(ULAW.encode(audio))):
        worker.arrive(row, packet, after=1 + 4 * index)
    for tick in range(len(audio) // 40 + 120):
        found += [(e.speaks, tick) for e in worker.run(1) if isinstance(e, StreamSpeech)]
    return found


def test_speech_begins_and_ends_once() -> None:
    (begin, began), (end, ended) = told(quiet(1), buzz(1), quiet(1.5))
    assert (begin, end) == (True, False)
    assert 200 + BEGIN <= began + 2 <= 200 + BEGIN + 24
    assert 392 + END <= ended <= 400 + END + 20


def test_a_stop_within_a_word_is_no_end() -> None:
    assert len(told(quiet(1), buzz(0.5), quiet(0.25), buzz(0.5), quiet(1))) == 2


def test_nobody_watches() -> None:
    assert told(quiet(1), buzz(1), quiet(1), watch=False) == []


@pytest.mark.parametrize("hertz", [(425,), (440, 480), (770, 1336), (350, 440), (1000,), (2100,)])
def test_tones_are_no_speech(hertz: tuple[float, ...]) -> None:
    assert told(quiet(1), tones(1, *hertz), quiet(1)) == []


def test_steady_noise_is_no_speech_once_it_is_known() -> None:
    assert told(quiet(6, level=300))[2:] == []


def test_speech_over_noise() -> None:
    events = told(quiet(10, level=100), buzz(1) + quiet(1, level=100), quiet(2, level=100))
    assert [speaks for speaks, tick in events if tick > 1900] == [True, False]


def test_two_sines_explain_themselves() -> None:
    frames = np.stack([tones(0.02, 770, 1336), buzz(1)[4000:4160]])
    tonal, rich = unexplained(frames)
    assert tonal < TONE < rich


@pytest.mark.skipif(not PROMPT.exists(), reason=f"{PROMPT} is not installed")
def test_a_voice() -> None:
    with wave.open(str(PROMPT)) as file:
        audio = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    events = told(quiet(1), audio, quiet(1.5))
    assert all(one[0] != other[0] for one, other in pairwise(events))
    assert [events[0][0], events[-1][0]] == [True, False]
    ticks = [tick for _, tick in events]
    speech = sum(ticks[1::2]) - sum(ticks[::2])
    assert speech > 0.6 * len(audio) / 40
