import numpy as np
import pytest

from mediaworker import rows, sounding
from tests.mediaworker.virtual import Worker, packets, peer, said, speech

CODES = speech(16000)


def listening(source_ptime: int, ptime: int) -> tuple[Worker, int, int]:
    """Return a worker whose second stream says what the peer of the first says."""
    worker = Worker()
    source, row = worker.open(peer(ptime_ms=source_ptime)), worker.open(peer(ptime_ms=ptime))
    sounding.play_leg(worker.media, row, source)
    for index, packet in enumerate(packets(CODES)):
        worker.arrive(source, packet, after=30 + 4 * index)
    return worker, source, row


@pytest.mark.parametrize("source_ptime", [10, 20, 30, 40, 50, 60])
@pytest.mark.parametrize("ptime", [10, 20, 30, 60])
def test_what_a_peer_says_goes_to_another(source_ptime: int, ptime: int) -> None:
    worker, source, row = listening(source_ptime, ptime)
    worker.run(600)
    assert CODES[3200:].tobytes() in said(worker.sent(row))
    assert set(said(worker.sent(source))) == {0xFF}


def test_a_leg_that_is_gone_is_silence() -> None:
    worker, source, row = listening(20, 20)
    worker.run(200)
    rows.close(worker.media, source, worker.now_ns)
    before = len(worker.sent(row))
    worker.run(100)
    assert set(said(worker.sent(row)[before:])) == {0xFF}


def test_two_may_listen_to_each_other_and_a_third_to_both() -> None:
    worker = Worker()
    first, second, third = worker.open(), worker.open(), worker.open()
    sounding.play_leg(worker.media, first, second)
    sounding.play_leg(worker.media, second, first)
    sounding.play_leg(worker.media, third, first)
    voices = speech(4000, 1), speech(4000, 2)
    for row, codes in enumerate(voices):
        for index, packet in enumerate(packets(codes)):
            worker.arrive(row, packet, after=30 + 4 * index)
    worker.run(300)
    for row, voice in ((first, 1), (second, 0), (third, 0)):
        assert voices[voice][800:].tobytes() in said(worker.sent(row))


def test_a_change_of_source_takes_the_next_packet() -> None:
    worker = Worker()
    row = worker.open()
    worker.media.pool[:] = 8000
    sounding.play_pool(worker.media, row, 0, 8000, loop=True)
    worker.run(4)
    sounding.play_silence(worker.media, row)
    worker.run(4)
    loud, silent = worker.sent(row)
    assert (len(set(loud.payload)), set(silent.payload)) == (1, {0xFF})
    assert loud.payload != silent.payload


def test_who_does_not_send_says_nothing() -> None:
    worker = Worker()
    row = worker.open(peer(send=False))
    worker.media.pool[:] = 8000
    sounding.play_pool(worker.media, row, 0, 8000, loop=True)
    worker.run(40)
    assert not np.count_nonzero(worker.media.streams.said)
