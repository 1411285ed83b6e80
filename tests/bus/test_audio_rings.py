import os
from pathlib import Path

import numpy as np
import pytest

from bus.audio_rings import MARGIN, RING, AudioClosedError, AudioEnd, AudioRings
from mediaworker.home import make_memory


def lent(rings: AudioRings, row: int = 1, stream: int = 7) -> AudioEnd:
    rings.stream[row], rings.rate[row] = stream, 8000
    return AudioEnd(rings, row)


def say(end: AudioEnd, samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> None:
    """Be the worker: let the peer be heard."""
    at = int(end.rings.heard_written[end.row])
    end.rings.heard[end.row, (at + np.arange(len(samples))) % RING] = samples
    end.rings.heard_written[end.row] = at + len(samples)


def numbers(first: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return (np.arange(first, first + count) % 30000).astype(np.int16)


def test_reading_goes_on_over_the_end_of_the_ring() -> None:
    end = lent(AudioRings.private(2))
    for first in range(0, 3 * RING, 1000):
        say(end, numbers(first, 1000))
        for begin in range(0, 1000, 250):
            frame = end.read(250)
            assert frame is not None
            assert frame.tolist() == numbers(first + begin, 250).tolist()
    assert end.read(1) is None
    assert end.missed == 0


def test_what_was_overwritten_is_left_out_and_counted() -> None:
    end = lent(AudioRings.private(2))
    say(end, numbers(0, RING - MARGIN))
    frame = end.read(160)
    assert frame is not None
    assert frame[0] == 0
    say(end, numbers(RING - MARGIN, MARGIN))
    frame = end.read(160)
    assert frame is not None
    assert frame[-1] == (RING - 1) % 30000
    assert end.missed == RING - 320


def test_writing_stops_where_the_ring_is_full_and_goes_on_over_its_end() -> None:
    end = lent(AudioRings.private(2))
    taken = 0
    for first in range(0, 3 * RING, 1000):
        assert end.write(numbers(first, 1000)) == 1000
        at = (taken + np.arange(1000)) % RING
        assert end.rings.said[1, at].tolist() == numbers(first, 1000).tolist()
        taken += 1000
        end.rings.said_read[1] = taken - 100
    assert end.queued == 100
    assert end.write(numbers(0, RING)) == RING - MARGIN - 100
    assert end.write(numbers(0, 1)) == 0
    assert end.withdraw(50) == RING - MARGIN - 50
    assert end.queued == 50


def test_another_process_finds_the_rings_by_their_stream(tmp_path: Path) -> None:
    memory = make_memory(tmp_path)
    path = memory.audio.path
    assert path is not None
    memory.audio.stream[3], memory.audio.rate[3] = 12, 16000
    elsewhere = Path("/proc", str(os.getpid()), *path.parts[3:])
    end = AudioEnd.find(elsewhere, 12)
    assert (end.row, end.rate, end.is_open) == (3, 16000, True)
    end.write(numbers(5, 1))
    assert memory.audio.said[3, 0] == 5
    memory.audio.stream[3] = 13
    assert not end.is_open
    with pytest.raises(AudioClosedError, match="stream 12"):
        AudioEnd.find(elsewhere, 12)


def test_nobody_can_change_the_size_of_the_memory(tmp_path: Path) -> None:
    """A worker that reads behind the end of a file would be killed by SIGBUS."""
    path = make_memory(tmp_path).audio.path
    assert path is not None
    size = path.stat().st_size
    for wanted in (0, size - 4096, size + 4096):
        with pytest.raises(PermissionError):
            os.truncate(path, wanted)
    assert path.stat().st_size == size
