"""What comes into a ring is in the file, in order, and time stays true."""

import wave
from pathlib import Path

import numpy as np
import pytest

from bus.columns import Column
from mediaworker.filing import Start, Started, StartFailed, Stopped
from mediaworker.recorder import Recorder
from mediaworker.streams import Recordings


@pytest.fixture
def rings() -> Recordings:
    return Recordings.private(4)


def put(rings: Recordings, row: int, count: int) -> None:
    """Write frames that hold their number: left as it is, right negative."""
    for _ in range(count):
        number = int(rings.written[row])
        frame = rings.ring[row, number % rings.ring.shape[1]]
        frame[0], frame[1] = number, -number
        rings.written[row] += np.uint64(1)


def read(path: Path) -> Column[np.int16]:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)


def wanted(numbers: list[int]) -> list[list[int]]:
    return [[number, -number] for number in numbers for _ in range(160)]


def test_frames_arrive_in_order(rings: Recordings, tmp_path: Path) -> None:
    recorder, path = Recorder(rings), tmp_path / "r.wav"
    assert recorder.start(Start(1, str(path))) == Started(1)
    for count in (3, 200, 0, 200):
        put(rings, 1, count)
        recorder.drain()
    put(rings, 1, 2)
    assert recorder.stop(1) == Stopped(1, "")
    assert read(path).tolist() == wanted(list(range(405)))
    assert rings.read[1] == rings.written[1]


@pytest.mark.parametrize("drained", [False, True])
def test_a_file_widens_from_a_frame_on(rings: Recordings, tmp_path: Path, *, drained: bool) -> None:
    """What is at 8 kHz is brought to 16 kHz, so time stays true; the rest is as it came."""
    recorder, path = Recorder(rings), tmp_path / "r.wav"
    recorder.start(Start(1, str(path)))
    put(rings, 1, 20)
    if drained:
        recorder.drain()
    rings.wide_from[1] = 21
    put(rings, 1, 4)
    recorder.stop(1)
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels()) == (16000, 2)
    found = read(path)
    assert len(found) == (20 * 2 + 4) * 160
    assert found[-4 * 160 :].tolist() == wanted([20, 21, 22, 23])
    assert abs(found[20 * 160, 0] - 10) <= 1, "half of what was narrow is at half of its time"


def test_what_was_overwritten_is_silence(rings: Recordings, tmp_path: Path) -> None:
    recorder, path = Recorder(rings), tmp_path / "r.wav"
    recorder.start(Start(0, str(path)))
    put(rings, 0, 300)
    recorder.stop(0)
    found = read(path)
    assert len(found) == 300 * 160
    lost = 300 - rings.ring.shape[1]
    assert found[lost * 160 + 8 * 160 :].tolist() == wanted(list(range(lost + 8, 300)))
    assert not found[: lost * 160].any()


def test_two_recordings_are_apart(rings: Recordings, tmp_path: Path) -> None:
    recorder = Recorder(rings)
    for row in (0, 2):
        recorder.start(Start(row, str(tmp_path / f"{row}.wav")))
        put(rings, row, 2 + row)
    recorder.close()
    assert len(read(tmp_path / "0.wav")) == 2 * 160
    assert len(read(tmp_path / "2.wav")) == 4 * 160


def test_one_file_is_not_recorded_into_twice(rings: Recordings, tmp_path: Path) -> None:
    recorder, path = Recorder(rings), str(tmp_path / "r.wav")
    recorder.start(Start(0, path))
    again = recorder.start(Start(1, path))
    assert isinstance(again, StartFailed)
    assert "recorded into already" in again.reason
    recorder.close()


def test_where_nothing_can_be_written(rings: Recordings, tmp_path: Path) -> None:
    answer = Recorder(rings).start(Start(0, str(tmp_path / "no" / "r.wav")))
    assert isinstance(answer, StartFailed)
    assert "No such file" in answer.reason


def test_a_full_disk_is_told_at_the_end(rings: Recordings) -> None:
    recorder = Recorder(rings)
    started = recorder.start(Start(0, "/dev/full"))
    if isinstance(started, StartFailed):  # the header alone is refused already
        assert "No space left" in started.reason
        return
    put(rings, 0, 5)
    recorder.drain()
    assert "No space left" in recorder.stop(0).problem


def test_going_on_in_a_file(rings: Recordings, tmp_path: Path) -> None:
    path = tmp_path / "r.wav"
    first = Recorder(rings)
    first.start(Start(0, str(path)))
    put(rings, 0, 3)
    first.drain()
    put(rings, 0, 2)
    first.open[0].file.close()  # as if its process had been killed
    second = Recorder(rings)
    second.start(Start(0, str(path), go_on=True))
    put(rings, 0, 1)
    second.stop(0)
    assert read(path).tolist() == wanted(list(range(6)))
