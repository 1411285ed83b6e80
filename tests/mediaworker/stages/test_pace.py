import numpy as np

from mediaworker.media import Batch, Media
from mediaworker.stages.pace import CATCH_UP, pace, skip
from mediaworker.streams import HEADER


def ticking(period: int = 4) -> Media:
    media = Media.private(3)
    media.tick = 10
    media.streams.period[:] = period
    media.streams.due[:] = 10
    media.streams.packet_length[:] = HEADER + 160
    media.streams.sends[:] = [True, True, False]
    return media


def test_who_sends_has_one_packet_more_and_time_goes_on_for_all() -> None:
    media = ticking()
    for _ in range(3):
        pace(media, Batch(np.array([0, 2]), 160))
    assert media.streams.progress.tolist() == [12 << 32 | 3, 0, 12 << 32]
    assert media.streams.due.tolist() == [22, 10, 22]
    assert media.public.packets_sent.tolist() == [3, 0, 0]
    assert media.streams.octets_sent.tolist() == [480, 0, 0]


def test_what_is_too_late_is_skipped_and_the_rest_is_not() -> None:
    media = ticking()
    media.tick = 10 + 4 * 20
    skip(media, np.array([0]))
    assert media.streams.due[0] == media.tick - 4 * (CATCH_UP - 1)
    assert media.streams.progress[0] == (media.streams.due[0] - 10) << 32
    media.tick = 10 + 4 * (CATCH_UP - 1)
    skip(media, np.array([1]))
    assert media.streams.due[1] == 10
