import numpy as np

from mediaworker.codecs.g722 import G722
from tests.mediaworker.codecs.sounds import likeness, pieces, swept, vector


def test_decodes_as_ffmpeg_does_sample_by_sample() -> None:
    payloads, decoded = vector("g722")
    decoder = G722().decoder()
    heard = np.concatenate([decoder.decode(payload) for payload in payloads])
    assert np.array_equal(heard, decoded)


def test_there_and_back() -> None:
    codec, sound = G722(), swept(16000)
    encoder, decoder = codec.encoder(""), codec.decoder()
    payloads = [encoder.encode(frame) for frame in pieces(sound, 320)]
    heard = np.concatenate([decoder.decode(payload) for payload in payloads])
    likest, late = likeness(sound, heard, 60)
    assert likest > 0.995
    assert late == 22  # of its filters, 1.4 ms


def test_rows_have_memories_of_their_own() -> None:
    codec, sound = G722(), swept(16000)
    first, second = codec.encoder(""), codec.encoder("")
    expected = [first.encode(frame) for frame in pieces(sound, 320)]
    assert second.encode(sound[:320]) == expected[0]


def test_a_byte_is_two_samples_whatever_the_packet() -> None:
    codec = G722()
    for samples in (160, 320, 480, 960):
        payload = codec.encoder("").encode(np.zeros(samples, np.int16))
        assert len(payload) == samples // 2
        assert codec.samples(payload) == len(codec.decoder().decode(payload)) == samples


def test_it_leaves_gaps_to_others() -> None:
    decoder = G722().decoder()
    assert len(decoder.conceal(320)) == len(decoder.recover(bytes(160), 320)) == 0
