"""A recording is a whole WAV file at every moment."""

import wave
from pathlib import Path

import numpy as np
import pytest

from bus.errors import BadSourceError
from mediaworker.sources.recording import Recording


def read(path: Path) -> tuple[int, int, bytes]:
    with wave.open(str(path)) as file:
        frames = file.getnframes()
        return file.getnchannels(), file.getframerate(), file.readframes(frames)


def test_it_can_be_read_while_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "r.wav"
    recording = Recording(path)
    assert read(path) == (2, 8000, b"")
    sound = np.arange(320, dtype=np.int16).reshape(160, 2)
    for count in (1, 2, 3):
        recording.append(sound)
        assert read(path) == (2, 8000, sound.tobytes() * count)
    recording.close()
    assert path.stat().st_size == 44 + 3 * 640
    assert int.from_bytes(path.read_bytes()[4:8], "little") == path.stat().st_size - 8


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "r.wav"
    path.write_bytes(b"x" * 5000)
    Recording(path).close()
    assert read(path) == (2, 8000, b"")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSourceError, match=r"no/r\.wav: No such file"):
        Recording(tmp_path / "no" / "r.wav")
    with pytest.raises(BadSourceError, match="Is a directory"):
        Recording(tmp_path)


def test_going_on(tmp_path: Path) -> None:
    path = tmp_path / "r.wav"
    sound = np.arange(320, dtype=np.int16).reshape(160, 2)
    for go_on in (False, True):
        recording = Recording(path, go_on=go_on)
        recording.append(sound)
        recording.close()
    assert read(path) == (2, 8000, sound.tobytes() * 2)
    with path.open("ab") as file:
        file.write(b"abc")  # a frame that was cut short
    Recording(path, go_on=True).close()
    assert read(path) == (2, 8000, sound.tobytes() * 2)
