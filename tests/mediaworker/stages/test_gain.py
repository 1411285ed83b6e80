import numpy as np

from mediaworker.media import Batch
from mediaworker.stages.gain import turn

ROWS = np.arange(4)


def test_only_rows_with_a_gain_are_multiplied_and_only_their_frames() -> None:
    sound = np.full((4, 320), 1000, np.int16)
    turn(Batch(ROWS[1:], 160), np.array([0, 1, 0.5, 0], np.float32), sound)
    assert sound[:, :160].max(axis=1).tolist() == [1000, 1000, 500, 0]
    assert np.all(sound[:, 160:] == 1000)


def test_what_is_too_loud_is_clipped() -> None:
    sound = np.array([[30000, -30000]] * 4, np.int16)
    turn(Batch(ROWS, 2), np.full(4, 10, np.float32), sound)
    assert sound.tolist() == [[32767, -32768]] * 4
