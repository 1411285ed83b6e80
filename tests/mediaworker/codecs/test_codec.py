import numpy as np

from mediaworker.codecs.codec import restored, stored


def test_samples_survive_the_ring() -> None:
    samples = np.arange(-32767, 32768).astype(np.int16)
    assert (restored(stored(samples)) == samples).all()


def test_no_sample_is_a_hole() -> None:
    lowest = stored(np.array([-32768], np.int16))
    assert lowest.tolist() == [1]
    assert restored(lowest).tolist() == [-32767]
