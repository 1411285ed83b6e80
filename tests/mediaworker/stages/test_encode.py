import numpy as np

from mediaworker.codecs.codec import Codec
from mediaworker.media import Batch, Media
from mediaworker.stages.encode import encode
from mediaworker.streams import HEADER


def test_each_row_by_its_own_codec() -> None:
    media = Media.private(4)
    streams = media.streams
    streams.sends[:3] = True
    streams.codec[:] = [Codec.PCMU, Codec.PCMA, Codec.PCMU, Codec.PCMU]
    streams.said[:, :2] = [32767, 0]
    encode(media, Batch(np.array([0, 1, 2, 3]), 160))
    assert streams.payload[:, :2].tolist() == [[0x80, 0xFF], [0xAA, 0xD5], [0x80, 0xFF], [0, 0]]
    assert streams.packet_length.tolist() == [HEADER + 160] * 3 + [0]


def test_an_event_takes_the_place_of_audio() -> None:
    media = Media.private(2)
    streams = media.streams
    streams.sends[:] = True
    streams.in_event[1], streams.event_payload[1] = True, 0x01_8A_03_20
    encode(media, Batch(np.array([0, 1]), 160))
    assert streams.payload[1, :6].tobytes() == b"\x01\x8a\x03\x20\0\0"
    assert streams.packet_length.tolist() == [HEADER + 160, HEADER + 4]


def test_nobody_sends() -> None:
    media = Media.private(2)
    encode(media, Batch(np.array([0, 1]), 160))
    assert not media.streams.packet.any()
