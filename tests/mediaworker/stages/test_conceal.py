import numpy as np
import pytest

from bus.columns import Column
from mediaworker import sounding
from mediaworker.codecs.g711 import ULAW
from mediaworker.stages.conceal import FADE
from tests.mediaworker.virtual import Rtp, Worker, expanded, packets, said, speech

TONE = np.round(8000 * np.sin(2 * np.pi * 400 / 8000 * np.arange(8000))).astype(np.int16)
CODES = ULAW.encode(TONE)


def echoed(lost: frozenset[int], count: int = 50) -> tuple[Worker, Column[np.int16]]:
    """Return what the peer seems to say, from its first packet on, if some packets are lost."""
    worker = Worker()
    row = worker.open()
    sounding.play_echo(worker.media, row)
    for index, packet in enumerate(packets(CODES)[:count]):
        if index not in lost:
            worker.arrive(row, packet, after=1 + 4 * index)
    worker.run(400)
    audio = expanded(said(worker.sent(row)))
    begin = int(np.flatnonzero(audio)[0]) // 160 * 160
    return worker, audio[begin:]


def test_a_hole_is_the_frame_before_it_a_little_quieter() -> None:
    worker, audio = echoed(frozenset({20}))
    before, hole, after = (audio[160 * index : 160 * index + 160] for index in (19, 20, 21))
    assert np.abs(hole - before * (FADE / 16)).max() <= 256  # what coding again costs
    assert (after == expanded(CODES[160 * 21 : 160 * 22].tobytes())).all()
    assert worker.public("frames_played", 0) == 49
    assert worker.public("packets_lost", 0) == 1


def test_a_long_hole_fades_to_silence() -> None:
    _, audio = echoed(frozenset(range(20, 40)))
    loudness = np.abs(audio[: 160 * 50].reshape(50, 160)).max(axis=1)
    assert (np.diff(loudness[20:25]) < 0).all()
    assert not loudness[25:40].any()
    assert loudness[40] > 7000


@pytest.mark.parametrize("lost", [{5}, {5, 6}, {1, 9, 30}, set(range(10, 14))])
def test_concealed_frames_are_counted(lost: set[int]) -> None:
    worker, _ = echoed(frozenset(lost))
    at_the_end = 4
    assert worker.public("frames_concealed", 0) == len(lost) + at_the_end
    assert worker.public("frames_played", 0) == 50 - len(lost)


def test_digits_are_not_concealed() -> None:
    worker = Worker()
    row = worker.open()
    audio = packets(speech(16000), sequence=0, timestamp=0)
    for index in range(100):
        packet = audio[index]
        if 40 <= index < 60:
            elapsed = (160 * (index - 39)).to_bytes(2)
            end = 0x80 if index > 56 else 0
            packet = Rtp(index, 6400, bytes([1, end]) + elapsed, 101)
        worker.arrive(row, packet, after=1 + 4 * index)
    worker.run(400)
    assert worker.public("frames_played", row) == 80
    assert worker.public("frames_concealed", row) - 4 <= 1


def test_before_the_first_packet_there_is_silence_and_no_count() -> None:
    worker = Worker()
    row = worker.open()
    worker.run(200)
    assert worker.public("frames_concealed", row) == worker.public("frames_played", row) == 0
    assert worker.public("level_received", row) == -127
