"""Sounds are loaded once, held while somebody plays them, and make room when nobody does."""

import errno
import os
import wave
from pathlib import Path

import numpy as np
import pytest

from bus.sources import Music, Tone, Wave
from mediaworker.filing import Fetched, FetchFailed
from mediaworker.pool import Pool
from mediaworker.shelf import BOTH, HEAD, Shelf
from mediaworker.sources.music import music
from mediaworker.sources.tones import tone

SIZE = 100_000


def shelf(size: int = SIZE) -> Shelf:
    """``size``: samples at 8 kHz that there is room for."""
    return Shelf(np.zeros(BOTH * size, np.int16), Pool(BOTH * size), lambda offset, samples: None)


def write(path: Path, samples: int, value: int = 5) -> Wave:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(np.full(samples, value, np.int16).tobytes())
    return Wave(str(path))


def loaded(shelf: Shelf, token: int, source: Wave | Tone) -> Fetched:
    answer = shelf.fetch(token, source)
    while answer is None:
        told = shelf.step()
        answer = next((each for each in told if each.token == token), None)
    assert isinstance(answer, Fetched), answer
    return answer


def content(shelf: Shelf, sound: Fetched) -> list[int]:
    found: list[int] = shelf.memory[sound.offset : sound.offset + sound.samples].tolist()
    return found


def wide(shelf: Shelf, sound: Fetched) -> list[int]:
    begin = sound.offset + sound.samples
    found: list[int] = shelf.memory[begin : begin + 2 * sound.samples].tolist()
    return found


def test_each_sound_is_there_at_both_rates(tmp_path: Path) -> None:
    library = shelf(4 * SIZE)
    file = loaded(library, 1, write(tmp_path / "a.wav", 20001))
    assert abs(np.array(wide(library, file))[200:-200] - 5).max() <= 1
    assert wide(library, loaded(library, 2, Tone(440.0, -10.0))) == tone(440.0, -10.0, 2).tolist()
    tune = library.fetch(3, Music())
    assert isinstance(tune, Fetched)
    assert wide(library, tune) == music(2).tolist()


def test_a_file_is_in_the_pool(tmp_path: Path) -> None:
    library = shelf()
    sound = loaded(library, 1, write(tmp_path / "a.wav", 20001))
    assert sound.samples == 20001
    assert content(library, sound) == [5] * 20001


def test_a_tone_is_there_at_once() -> None:
    library = shelf()
    sound = library.fetch(1, Tone(440.0, -10.0))
    assert isinstance(sound, Fetched)
    assert content(library, sound) == tone(440.0, -10.0).tolist()


def test_the_tune_is_made_once() -> None:
    library = shelf()
    first, second = library.fetch(1, Music()), library.fetch(2, Music())
    assert isinstance(first, Fetched) and isinstance(second, Fetched)
    assert content(library, first) == music().tolist()
    assert first.offset == second.offset


def test_a_file_is_converted_once(tmp_path: Path) -> None:
    library = shelf()
    source = write(tmp_path / "a.wav", 20000)
    assert library.fetch(1, source) is None
    assert library.fetch(2, source) is None
    told = [each for _ in range(4) for each in (library.step() if library.work else [])]
    assert [each.token for each in told] == [1, 2]
    assert loaded(library, 3, source) == Fetched(3, 0, 20000)
    assert not library.work


def test_a_changed_file_is_another_sound(tmp_path: Path) -> None:
    library = shelf()
    first = loaded(library, 1, write(tmp_path / "a.wav", 1000, 5))
    source = write(tmp_path / "a.wav", 1000, 6)
    os.utime(source.path, ns=(1, 1))
    second = loaded(library, 2, source)
    assert content(library, first)[0] == 5
    assert content(library, second)[0] == 6


def test_room_is_made_by_what_nobody_plays(tmp_path: Path) -> None:
    library = shelf()
    sources = [write(tmp_path / f"{n}.wav", 40000, n) for n in range(4)]
    loaded(library, 0, sources[0])
    loaded(library, 1, sources[1])
    full = library.fetch(2, sources[2])
    assert isinstance(full, FetchFailed)
    assert "no room for" in full.reason
    assert sources[2].path in full.reason
    library.drop(1)
    sound = loaded(library, 2, sources[2])
    assert content(library, sound) == [2] * 40000
    assert content(library, loaded(library, 3, sources[0])) == [0] * 40000


def test_the_first_dropped_goes_first(tmp_path: Path) -> None:
    library = shelf()
    sources = [write(tmp_path / f"{n}.wav", 40000, n) for n in range(3)]
    for token in (0, 1):
        loaded(library, token, sources[token])
    library.drop(1)
    library.drop(0)
    loaded(library, 2, sources[2])
    assert {key[0] for key in library.sounds} == {sources[0].path, sources[2].path}


def test_short_files_do_not_wait_for_a_long_one(tmp_path: Path) -> None:
    library = shelf(HEAD + SIZE)
    assert library.fetch(1, write(tmp_path / "long.wav", HEAD)) is None
    library.step()
    assert library.fetch(2, write(tmp_path / "short.wav", 8000)) is None
    told = [each.token for _ in range(4) for each in library.step()]
    assert told == [2]


def test_a_long_file_is_played_before_it_is_whole(tmp_path: Path) -> None:
    library = shelf(3 * HEAD)
    sound = loaded(library, 1, write(tmp_path / "long.wav", 2 * HEAD))
    assert sound.samples == 2 * HEAD
    assert library.memory[sound.offset + HEAD + 100] == 0
    while library.work:
        assert library.step() == []
    assert content(library, sound) == [5] * (2 * HEAD)


def test_a_file_that_shrinks_under_us(tmp_path: Path) -> None:
    library = shelf(4 * HEAD)
    library.memory[:] = 9
    for token, samples, steps in ((1, 20000, 1), (2, 2 * HEAD, 31)):
        source = write(tmp_path / f"{token}.wav", samples)
        library.fetch(token, source)
        for _ in range(steps):
            library.step()
        os.truncate(source.path, 1000)
        told = library.step()
        if token == 1:
            assert [type(each) for each in told] == [FetchFailed]
            assert library.pool.free == [(0, BOTH * 4 * HEAD)]
        else:
            assert told == []
            assert set(library.memory[: 2 * HEAD].tolist()) == {5, 0}
            library.drop(2)
            assert library.pool.free == [(0, BOTH * 4 * HEAD)]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (Wave("/nowhere/a.wav"), "cannot read /nowhere/a.wav: No such file"),
        (Wave("a\0b"), "cannot read a"),
        (Tone(5.0, 0.0), "tone of 5.0 Hz"),
    ],
)
def test_what_cannot_be_had_is_said(source: Wave | Tone, says: str) -> None:
    library = shelf()
    answer = library.fetch(1, source)
    assert isinstance(answer, FetchFailed)
    assert says in answer.reason
    library.drop(1)


def test_no_memory_is_said_and_given_back() -> None:
    def back(offset: int, samples: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    library = Shelf(np.zeros(SIZE, np.int16), Pool(SIZE), back)
    answer = library.fetch(1, Tone(440.0, -10.0))
    assert isinstance(answer, FetchFailed)
    assert "No space left" in answer.reason
    assert library.pool.free == [(0, SIZE)]


def test_what_a_dead_process_left_is_kept(tmp_path: Path) -> None:
    source = write(tmp_path / "a.wav", 1000)
    before = shelf()
    loaded(before, 1, Tone(440.0, 0.0))
    sound = loaded(before, 2, source)
    after = Shelf(before.memory, Pool(SIZE), lambda offset, samples: None)
    after.keep(2, source, sound.offset, sound.samples)
    assert after.fetch(3, source) == Fetched(3, sound.offset, sound.samples)
    other = loaded(after, 4, Tone(441.0, 0.0))
    assert content(after, sound) == [5] * 1000
    assert other.offset + other.samples <= sound.offset or other.offset >= sound.offset + 1000
