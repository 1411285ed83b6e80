import numpy as np
import pytest

from mediaworker.codecs.g729 import G729
from tests.mediaworker.codecs.sounds import likeness, pieces, swept, vector

needed = pytest.mark.skipif(bool(G729().missing()), reason=f"{G729().missing()} is not installed")


@needed
def test_codes_and_decodes_as_ffmpeg_does() -> None:
    payloads, decoded = vector("g729")
    codec = G729()
    encoder, decoder = codec.encoder("annexb=no"), codec.decoder()
    assert [encoder.encode(frame) for frame in pieces(swept(8000), 160)] == payloads
    heard = np.concatenate([decoder.decode(payload) for payload in payloads])
    likest, late = likeness(decoded, heard, 20)  # FFmpeg filters behind it in its own way
    assert likest > 0.98
    assert late == 0


@needed
def test_there_and_back() -> None:
    codec, sound = G729(), swept(8000)
    encoder, decoder = codec.encoder(""), codec.decoder()
    payloads = [encoder.encode(frame) for frame in pieces(sound, 80)]
    heard = np.concatenate([decoder.decode(payload) for payload in payloads])
    assert set(map(len, payloads)) == {10}
    assert likeness(sound, heard, 120)[0] > 0.9


@needed
def test_a_gap_is_concealed_in_whole_frames() -> None:
    decoder = G729().decoder()
    for payload in vector("g729").payloads:
        decoder.decode(payload)
    assert len(decoder.conceal(160)) == 160
    assert len(decoder.recover(bytes(20), 120)) == 120


@needed
def test_noise_at_the_end_of_a_packet() -> None:
    payload = vector("g729").payloads[5] + bytes(2)
    assert G729().samples(payload) == len(G729().decoder().decode(payload)) == 240
    assert len(G729().decoder().decode(bytes(2))) == 80


def test_a_packet_is_frames_and_at_most_one_noise() -> None:
    sizes = {0: 0, 1: 0, 2: 80, 9: 0, 10: 80, 12: 160, 14: 0, 20: 160}
    assert {size: G729().samples(bytes(size)) for size in sizes} == sizes
