"""The worker's end and a real files process at the other: asked, killed, and asked again."""

import os
import signal
import time
import wave
from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
import pytest

from bus.sources import Tone, Wave
from mediaworker.clerk import Clerk
from mediaworker.filing import Fetched, FetchFailed, Start, Started, StartFailed, Stopped
from mediaworker.home import Memory, make_memory


class Desk:
    """A clerk, and what it was told."""

    def __init__(self, run_dir: Path) -> None:
        self.memory: Memory = make_memory(run_dir)
        self.clerk = Clerk(self.memory.shared, "w0", "error")
        self.told: list[Fetched | FetchFailed | Started | StartFailed | Stopped] = []

    def until(self, enough: Callable[[], bool]) -> None:
        give_up_at = time.monotonic() + 20
        while not enough():
            now = time.monotonic()
            assert now < give_up_at
            if not self.clerk.poll(now, 1):
                time.sleep(0.001)

    def answer(self) -> Fetched | FetchFailed | Started | StartFailed | Stopped:
        self.until(lambda: bool(self.told))
        return self.told.pop(0)

    def sound(self, answer: object) -> list[int]:
        assert isinstance(answer, Fetched), answer
        found: list[int] = self.memory.pool[answer.offset :][: answer.samples].tolist()
        return found

    def put(self, ring: int, count: int) -> None:
        table = self.memory.recordings
        for _ in range(count):
            table.ring[ring, int(table.written[ring]) % table.ring.shape[1]] = table.written[ring]
            table.written[ring] += np.uint64(1)

    def kill(self) -> None:
        self.clerk.process.kill()
        self.clerk.process.wait()


@pytest.fixture
def desk(tmp_path: Path) -> Generator[Desk]:
    desk = Desk(tmp_path)
    try:
        yield desk
    finally:
        desk.clerk.close()
        for descriptor in desk.memory.shared:
            os.close(descriptor)


def write(path: Path, samples: int) -> Wave:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(np.arange(samples, dtype=np.int16).tobytes())
    return Wave(str(path))


def frames(path: Path) -> list[int]:
    """The number of each frame in a recording."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return [int(sample) for sample in samples.reshape(-1, 320)[:, 0]]


def test_sounds(desk: Desk, tmp_path: Path) -> None:
    desk.clerk.fetch(write(tmp_path / "a.wav", 20000), desk.told.append)
    assert desk.sound(desk.answer()) == list(range(20000))
    desk.clerk.fetch(Tone(1000.0, 3.14), desk.told.append)
    assert max(desk.sound(desk.answer())) == 32767


def test_a_bad_file_is_named(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "b.wav").write_text("no sound")
    desk.clerk.fetch(Wave(str(tmp_path / "b.wav")), desk.told.append)
    answer = desk.answer()
    assert isinstance(answer, FetchFailed)
    assert "b.wav is not a WAV file" in answer.reason
    assert not desk.clerk.sounds


def test_what_was_dropped_is_not_told(desk: Desk, tmp_path: Path) -> None:
    token = desk.clerk.fetch(write(tmp_path / "a.wav", 20000), desk.told.append)
    desk.clerk.drop(token)
    desk.clerk.fetch(Tone(440.0, 0.0), desk.told.append)
    answer = desk.answer()
    assert isinstance(answer, Fetched)
    assert answer.token == token + 1


def test_a_recording(desk: Desk, tmp_path: Path) -> None:
    desk.clerk.start(Start(3, str(tmp_path / "r.wav")), desk.told.append)
    assert desk.answer() == Started(3)
    desk.put(3, 5)
    desk.clerk.stop(3, desk.told.append)
    assert desk.answer() == Stopped(3, "")
    assert frames(tmp_path / "r.wav") == list(range(5))
    desk.clerk.start(Start(3, str(tmp_path / "no" / "r.wav")), desk.told.append)
    assert isinstance(desk.answer(), StartFailed)


def test_a_killed_process_is_replaced_and_nothing_is_lost(desk: Desk, tmp_path: Path) -> None:
    desk.clerk.fetch(write(tmp_path / "a.wav", 20000), desk.told.append)
    kept = desk.answer()
    desk.clerk.start(Start(0, str(tmp_path / "r.wav")), desk.told.append)
    desk.answer()
    desk.put(0, 2)
    desk.kill()
    desk.clerk.fetch(Tone(440.0, 0.0), desk.told.append)
    desk.put(0, 2)
    asked = desk.answer()
    assert isinstance(asked, Fetched)
    assert desk.sound(kept) == list(range(20000))
    desk.put(0, 2)
    desk.clerk.stop(0, desk.told.append)
    assert desk.answer() == Stopped(0, "")
    assert frames(tmp_path / "r.wav") == list(range(6))
    assert not desk.told


def test_when_the_worker_is_gone_everything_is_whole(desk: Desk, tmp_path: Path) -> None:
    ours, others = tmp_path / "w0.public", tmp_path / "w0.state"
    for path in (ours, others):
        path.touch()
    desk.clerk.own([ours, others])
    desk.clerk.start(Start(0, str(tmp_path / "r.wav")), desk.told.append)
    desk.answer()
    others.unlink()
    others.write_text("a successor's")
    desk.put(0, 7)
    desk.clerk.process.send_signal(signal.SIGTERM)  # it is not for signals to end it
    desk.clerk.close()
    assert frames(tmp_path / "r.wav") == list(range(7))
    assert not ours.exists()
    assert others.exists()
    assert desk.clerk.process.returncode == 0
