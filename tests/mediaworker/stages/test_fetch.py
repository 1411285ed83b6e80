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


def test_comfort_noise_is_as_loud_as_the_peer_says_and_no_loss() -> None:
    worker = Worker()
    row = worker.open()
    sent = packets(ULAW.encode(HUM[: 160 * 60]), sequence=0, timestamp=0)
    for index, packet in enumerate(sent):
        if index == 20:
            noise = packet._replace(payload=bytes([50]), payload_type=13)
            worker.arrive(row, noise, after=1 + 4 * index)
        elif index < 20 or index > 45:
            late = packet._replace(sequence=index if index < 20 else index - 25)
            worker.arrive(row, late, after=1 + 4 * index)
    worker.run(150)
    assert 0 < worker.media.streams.noise[row] == 128 - 50
    assert worker.public("frames_concealed", row) == 0
    heard = worker.media.streams.heard[row, :160].astype(float)
    assert abs(20 * np.log10(np.sqrt((heard**2).mean()) / 32768) + 50) < 2
    worker.run(60)
    assert worker.media.streams.noise[row] == 0
    assert worker.public("packets_lost", row) == worker.public("packets_late", row) == 0


def test_a_clock_that_stood_still_in_the_silence_makes_nothing_late() -> None:
    worker = Worker()
    row = worker.open()
    for index, packet in enumerate(packets(ULAW.encode(HUM[: 160 * 60]), sequence=0, timestamp=0)):
        later = 40 if index > 20 else 0
        noise = packet._replace(payload=bytes([50]), payload_type=13)
        worker.arrive(row, noise if index == 20 else packet, after=1 + 4 * index + later)
    worker.run(300)
    assert worker.public("packets_late", row) == 0
    assert worker.public("frames_concealed", row) <= 5  # at the very end


def test_a_bad_network_for_long() -> None:
    """Jitter, loss, packets that overtake, duplicates and a wrong clock, all at once."""
    random, worker = np.random.default_rng(31), Worker()
    row = worker.open()
    count, gone = 3000, 0
    for index, packet in enumerate(packets(ULAW.encode(HUM[: 160 * count]))):
        delay = random.random() * 12 + (4 if random.random() < 0.1 else 0)
        if random.random() < 0.05:
            gone += 1
            continue
        for again in range(1 + (random.random() < 0.05)):
            worker.arrive(row, packet, after=1 + int(4 * index * 0.9999 + delay) + 2 * again)
    depths = list[int]()
    for _ in range(40):
        worker.run(4 * count // 40 - 1)
        depths.append(int(worker.media.streams.filled[row] - worker.media.streams.cursor[row]))
    assert max(depths) < 1600
    lost = worker.public("packets_lost", row) / count
    assert abs(lost - gone / count) < 0.01
    heard = worker.public("frames_played", row) + worker.public("frames_concealed", row)
    assert heard >= count - 40
    assert worker.public("frames_concealed", row) / heard < 0.09
