"""The sum itself; what comes of it is in ``tests/mediaworker/test_connecting.py``."""

import numpy as np
import pytest

from mediaworker import connecting
from mediaworker.media import Batch
from mediaworker.stages.mix import mix
from mediaworker.stages.tap import tap
from tests.mediaworker.talking import room
from tests.mediaworker.virtual import Worker


def full(values: list[int], gains: list[float]) -> tuple[Worker, int, Batch]:
    """Return a room whose members say constant values in this tick."""
    worker = Worker(streams=16)
    row = room(worker)
    members = [worker.open() for _ in values]
    for member, value, gain in zip(members, values, gains, strict=True):
        connecting.enter(worker.media, member, row, gain)
        worker.media.streams.heard[member, :160] = value
    worker.media.tick = 50
    batch = Batch(np.array(members), 160)
    tap(worker.media, batch)
    return worker, row, batch


@pytest.mark.parametrize(
    ("values", "gains", "heard"),
    [
        ([1, 20, 300], [1, 1, 1], [320, 301, 21]),
        ([1, 20, 300], [1, 0, 1], [300, 301, 1]),
        ([1, 20, 300], [1, 0.5, 2], [610, 601, 11]),
        ([30000, 30000, 30000], [1, 1, 1], [32767] * 3),
        ([30000, 30000, -30000], [1, 1, 1], [0, 0, 32767]),
    ],
)
def test_each_hears_the_sum_without_itself(
    values: list[int], gains: list[float], heard: list[int]
) -> None:
    worker, row, batch = full(values, gains)
    mixed = mix(worker.media, worker.media.rooms[row], batch)
    assert mixed.min(axis=1).tolist() == mixed.max(axis=1).tolist() == heard
    whole = mix(worker.media, worker.media.rooms[row], batch, whole=True)
    total = sum(value * gain for value, gain in zip(values, gains, strict=True))
    assert set(whole.flatten().tolist()) == {min(32767, int(total))}


def test_a_tap_that_was_not_written_lately_is_silence() -> None:
    worker, row, batch = full([5, 7], [1, 1])
    worker.media.tick += 4
    assert not mix(worker.media, worker.media.rooms[row], batch).any()
