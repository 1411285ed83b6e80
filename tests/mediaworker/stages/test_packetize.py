import numpy as np

from mediaworker.media import Batch, Media
from mediaworker.stages.packetize import mark, packetize
from tests.mediaworker.virtual import Rtp, read


def prepared() -> Media:
    media = Media.private(2)
    streams = media.streams
    streams.sends[:], streams.units[:] = True, 40
    streams.ssrc[1], streams.sequence_base[1] = 0xDEADBEEF, 65534
    streams.timestamp_base[1], streams.payload_type[1] = 0xFFFFFF00, 8
    streams.progress[1] = 9 << 32 | 3
    return media


def header(media: Media, row: int) -> Rtp:
    return read(media.streams.packet[row, :12].tobytes())


def test_all_fields_and_both_wraps() -> None:
    media = prepared()
    packetize(media, Batch(np.array([0, 1]), 160))
    assert header(media, 1) == Rtp(1, 0x68, b"", 8, True, 0xDEADBEEF)


def test_the_marker_is_on_the_first_and_after_a_pause() -> None:
    media, markers = prepared(), list[bool]()
    batch = Batch(np.array([1]), 160)
    for sends in (True, True, False, True, True):
        media.streams.sends[1] = sends
        packetize(media, batch)
        markers.append(header(media, 1).marker)
    assert markers == [True, False, False, True, False]
    mark(media, np.array([1]))
    packetize(media, batch)
    assert header(media, 1).marker


def test_an_event_has_a_type_and_a_time_of_its_own() -> None:
    media = prepared()
    media.streams.in_event[1] = media.streams.event_first[1] = True
    media.streams.events_payload_type[1], media.streams.digit_timestamp[1] = 101, 77
    packetize(media, Batch(np.array([0, 1]), 160))
    assert header(media, 1) == Rtp(1, 77, b"", 101, True, 0xDEADBEEF)
    media.streams.event_first[1] = False
    packetize(media, Batch(np.array([0, 1]), 160))
    assert not header(media, 1).marker
