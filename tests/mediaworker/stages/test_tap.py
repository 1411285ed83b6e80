import numpy as np

from mediaworker import connecting, sounding
from mediaworker.media import Batch
from mediaworker.stages.tap import tap
from tests.mediaworker.talking import room
from tests.mediaworker.virtual import Worker


def test_only_rows_that_are_listened_to_have_a_tap() -> None:
    worker = Worker()
    one, two = worker.open(), worker.open()
    sounding.play_leg(worker.media, one, two)
    worker.run(41)
    unheard, listened_to = worker.media.streams.tap_written[[one, two]].tolist()
    assert (unheard, listened_to) == (0, 160 * len(worker.sent(two)))
    assert worker.tick - worker.media.streams.tap_at[two] < 4


def test_it_is_a_ring_of_what_was_heard() -> None:
    worker = Worker()
    one, two = worker.open(), worker.open()
    sounding.play_leg(worker.media, one, two)
    streams = worker.media.streams
    for number in range(61):
        streams.heard[two, :160] = number
        tap(worker.media, Batch(np.array([one, two]), 160))
    assert streams.tap_written[two] == 61 * 160
    assert streams.tap[two, :160].tolist() == [60] * 160
    assert streams.tap[two, 160:320].tolist() == [1] * 160


def test_a_room_is_heard_with_what_it_is_played() -> None:
    worker = Worker()
    row = room(worker)
    connecting.enter(worker.media, worker.open(), row, 1.0)
    worker.media.streams.music[row, :160] = 7
    tap(worker.media, Batch(np.array([row]), 160))
    assert not worker.media.streams.tap[row].any()
    sounding.play_pool(worker.media, row, 0, 100, loop=True)
    tap(worker.media, Batch(np.array([row]), 160))
    assert worker.media.streams.tap[row, 160:320].tolist() == [7] * 160
