import numpy as np
import pytest

from mediaworker.codecs.codec import Codec
from mediaworker.codecs.formats import FORMATS
from mediaworker.stages.anchor import place_of, places_of, units_of
from tests.mediaworker.virtual import Worker, packets, speech


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("samples", [0, 160, 1920, -320])
def test_samples_are_units_and_back(codec: Codec, samples: int) -> None:
    form = FORMATS[codec]
    units = units_of(samples, form) & 0xFFFF_FFFF
    assert place_of(units, form) == samples
    assert places_of(np.array([units], np.uint32), form).tolist() == [samples]


def played(delays: dict[int, int], lost: frozenset[int] = frozenset()) -> Worker:
    worker = Worker()
    row = worker.open()
    for index, packet in enumerate(packets(speech(16000))):
        if index not in lost:
            worker.arrive(row, packet, after=1 + 4 * index + delays.get(index, 0))
    worker.run(300)
    return worker


def waiting(worker: Worker) -> int:
    return int(worker.media.streams.filled[0] - worker.media.streams.cursor[0])


def test_a_packet_that_was_only_late_makes_all_others_later() -> None:
    worker = played(dict.fromkeys(range(30, 100), 12))
    assert worker.public("packets_late", 0) == 1
    assert worker.public("frames_concealed", 0) == 2
    assert worker.public("packets_lost", 0) == 0


def test_lost_packets_make_nothing_later() -> None:
    assert waiting(played({}, frozenset({30, 31, 32}))) == waiting(played({}))


def test_a_single_packet_too_late_is_dropped_and_counted() -> None:
    worker = played({30: 16})
    assert worker.public("packets_late", 0) == 1
    assert worker.public("frames_played", 0) >= 72
