import numpy as np
import pytest

from bus.columns import Column
from mediaworker import rows, sounding
from mediaworker.streams import RECORDING_FRAMES
from tests.mediaworker.virtual import Worker, expanded, packets, peer, speech

CODES = speech(8000)


def recorded(worker: Worker, slot: int) -> Column[np.int16]:
    """Return what the ring of a recording holds, shape (2, samples)."""
    recordings = worker.media.recordings
    frames = recordings.ring[slot, : int(recordings.written[slot])]
    channels: Column[np.int16] = frames.transpose(1, 0, 2).reshape(2, -1)
    return channels


@pytest.mark.parametrize("ptime", [10, 20, 30, 40, 50, 60])
@pytest.mark.parametrize("caller_is_remote", [False, True])
def test_both_sides_on_one_time_line(ptime: int, caller_is_remote: bool) -> None:
    worker = Worker()
    row = worker.open(peer(ptime_ms=ptime), caller_is_remote=caller_is_remote)
    sounding.play_echo(worker.media, row)
    rows.record(worker.media, row, 7)
    for index, packet in enumerate(packets(CODES)):
        worker.arrive(row, packet, after=10 + 4 * index)
    worker.run(300)
    caller, callee = recorded(worker, 7)
    assert (caller == callee).all()  # an echo is said when it is heard
    begin = int(np.flatnonzero(caller)[0]) // 80 * 80
    assert (caller[begin : begin + 8000] == expanded(CODES.tobytes())).all()
    assert len(caller) in range(300 * 40 - 960, 300 * 40 + 480)


def test_the_caller_is_left() -> None:
    worker = Worker()
    ours, theirs = worker.open(), worker.open(caller_is_remote=True)
    worker.media.pool[:] = 5000
    for row in (ours, theirs):
        sounding.play_pool(worker.media, row, 0, 8000, loop=True)
        rows.record(worker.media, row, row)
    worker.run(40)
    assert [side.any() for side in recorded(worker, ours)] == [True, False]
    assert [side.any() for side in recorded(worker, theirs)] == [False, True]


def test_the_ring_goes_round() -> None:
    worker = Worker(pool=160 * (RECORDING_FRAMES + 10))
    row = worker.open()
    numbers = np.arange(RECORDING_FRAMES + 10).repeat(160)
    worker.media.pool[:] = numbers
    sounding.play_pool(worker.media, row, 0, len(numbers), loop=False)
    rows.record(worker.media, row, 0)
    worker.run(4 * (RECORDING_FRAMES + 3))
    recordings = worker.media.recordings
    assert recordings.written[0] == RECORDING_FRAMES + 3
    left = recordings.ring[0, :, 0, 0].tolist()
    newest = [RECORDING_FRAMES, RECORDING_FRAMES + 1, RECORDING_FRAMES + 2]
    assert left == [*newest, *range(3, RECORDING_FRAMES)]


def test_stopping_and_starting_again() -> None:
    worker = Worker()
    row, other = worker.open(), worker.open()
    rows.record(worker.media, row, 3)
    worker.run(40)
    rows.record(worker.media, row, -1)
    worker.run(40)
    assert worker.media.recordings.written[3] == 10
    rows.record(worker.media, other, 3)
    worker.run(8)
    assert worker.media.recordings.written[3] == 2
