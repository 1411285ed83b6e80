import numpy as np

from mediaworker.codecs.codec import restored
from mediaworker.codecs.l16 import LINEAR


def test_samples_in_network_byte_order() -> None:
    samples = np.array([[1, -2, 0x1234], [32767, -32767, 0]], np.int16)
    assert LINEAR.encode(samples)[0].tobytes() == bytes.fromhex("0001 fffe 1234")


def test_there_and_back() -> None:
    noise = np.random.default_rng(2).integers(-32767, 32768, (3, 160)).astype(np.int16)
    assert np.array_equal(restored(LINEAR.decode(LINEAR.encode(noise))), noise)


def test_the_lowest_of_all_samples_is_no_hole() -> None:
    assert LINEAR.decode(np.array([[0x80, 0x00]], np.uint8)).tolist() == [[1]]


def test_half_a_sample_at_the_end_is_left_out() -> None:
    assert restored(LINEAR.decode(np.array([[0, 5, 0]], np.uint8))).tolist() == [[5]]
