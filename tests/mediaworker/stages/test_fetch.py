import numpy as np

from mediaworker import sounding
from mediaworker.codecs.g711 import ULAW
from tests.mediaworker.virtual import Worker, packets, speech

HUM = np.round(6000 * np.sin(2 * np.pi * np.arange(160 * 4000) / 50)).astype(np.int16)


def drifting(ppm: int, count: int = 3000, hum: bool = True) -> Worker:
    """Hear a peer whose clock is wrong."""
    worker = Worker()
    row = worker.open()
    sounding.play_echo(worker.media, row)
    codes = ULAW.encode(HUM[: 160 * count]) if hum else speech(160 * count)
    for index, packet in enumerate(packets(codes)):
        worker.arrive(row, packet, after=1 + int(4 * index * (1 - ppm / 1e6)))
    worker.run(4 * count - 20)
    return worker


def test_what_is_in_hand_at_first_goes_within_a_second() -> None:
    worker = drifting(0, 50)
    assert 0 <= worker.media.streams.filled[0] - worker.media.streams.cursor[0] < 80
    assert worker.public("frames_concealed", 0) == 0


def test_a_clock_that_is_wrong_is_followed_without_a_hole() -> None:
    """A thousand times what is usual, so that a minute is enough; each step is one period."""
    for ppm in (2000, -2000):
        worker = drifting(ppm)
        assert worker.public("packets_late", 0) <= 6
        assert worker.public("frames_concealed", 0) <= 12
        left = worker.media.streams.filled[0] - worker.media.streams.cursor[0]
        assert -160 <= left <= 480


def test_the_depth_comes_down_when_the_network_recovers() -> None:
    worker = Worker()
    row = worker.open()
    for index, packet in enumerate(packets(ULAW.encode(HUM[: 160 * 900]))):
        late = 16 * (index % 5 == 0) if index < 200 else 0
        worker.arrive(row, packet, after=1 + 4 * index + late)
    worker.run(700)
    high = int(worker.media.streams.filled[0] - worker.media.streams.cursor[0])
    worker.run(2800)
    low = int(worker.media.streams.filled[0] - worker.media.streams.cursor[0])
    assert high > 320
    assert low <= 240
