import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.columns import Column
from bus.streams import StreamPlayFinished
from mediaworker import rows, sounding
from mediaworker.codecs.g711 import ULAW
from tests.mediaworker.virtual import Worker, peer, said, speech

OFFSET = 320


def filled(samples: int) -> tuple[Worker, bytes]:
    """Return a worker with a sound in its pool, and the codes of it."""
    worker = Worker(streams=4, pool=1 << 14)
    codes = speech(samples)
    worker.media.pool[:] = 1234
    worker.media.pool[OFFSET : OFFSET + samples] = expand(codes)
    return worker, codes.tobytes()


def expand(codes: Column[np.uint8]) -> Column[np.int16]:
    """Return the samples whose codes these are."""
    order = np.argsort(ULAW.codes, kind="stable")
    places = np.searchsorted(ULAW.codes[order], codes)
    samples: Column[np.int16] = order[places].astype(np.uint16).view(np.int16)
    return samples


@pytest.mark.parametrize("samples", [1, 159, 160, 161, 1600, 5000])
@pytest.mark.parametrize("ptime", [10, 20, 60])
def test_a_sound_is_played_once_then_silence(samples: int, ptime: int) -> None:
    worker, codes = filled(samples)
    row = worker.open(peer(ptime_ms=ptime))
    sounding.play_pool(worker.media, row, OFFSET, samples, loop=False)
    events = worker.run(300)
    audio = said(worker.sent(row))
    assert audio[:samples] == codes
    assert set(audio[samples:]) == {0xFF}
    assert events == [StreamPlayFinished(stream=worker.stream(row))]


@given(st.integers(1, 700))
@settings(max_examples=25, deadline=None)
def test_a_loop_goes_round_without_a_seam(samples: int) -> None:
    worker, codes = filled(samples)
    row = worker.open()
    sounding.play_pool(worker.media, row, OFFSET, samples, loop=True)
    assert worker.run(100) == []
    audio = said(worker.sent(row))
    assert audio == (codes * 4000)[: len(audio)]


def test_a_sound_of_no_length_is_over_at_once() -> None:
    worker, _ = filled(10)
    row = worker.open()
    sounding.play_pool(worker.media, row, OFFSET, 0, loop=True)
    assert worker.run(20) == [StreamPlayFinished(stream=worker.stream(row))]


def test_the_same_sound_again_begins_anew() -> None:
    worker, codes = filled(1600)
    row = worker.open()
    for _ in range(2):
        sounding.play_pool(worker.media, row, OFFSET, 1600, loop=False)
        worker.run(20)
    assert said(worker.sent(row)) == codes[:800] + codes[:800]


def test_the_end_of_the_pool_can_be_played() -> None:
    worker = Worker(streams=1, pool=4000)
    row = worker.open()
    sounding.play_pool(worker.media, row, 3900, 100, loop=False)
    assert len(worker.run(40)) == 1
    sounding.play_pool(worker.media, row, 3200, 800, loop=True)
    worker.run(100)


def test_a_wide_row_plays_the_wide_sound_and_one_that_changes_goes_on() -> None:
    worker = Worker(streams=4, pool=1 << 14)
    narrow, wide = np.arange(1, 4001), np.arange(1, 8001)
    worker.media.pool[OFFSET : OFFSET + 12000] = np.concatenate((narrow, wide))
    linear = peer(codec="L16", clock=16000, payload_type=97, receive_payload_type=97)
    row = worker.open(linear)
    sounding.play_pool(worker.media, row, OFFSET, 4000, loop=True)
    worker.run(45)
    heard = np.frombuffer(said_wide(worker, row), ">i2")
    assert np.array_equal(heard, np.resize(wide, len(heard)))
    rows.aim(worker.media, row, peer())
    position = int(worker.media.streams.source_position[row])
    assert position == len(heard) // 2
    worker.run(8)
    now = int(worker.media.streams.source_position[row])
    assert now == position + 320
    assert worker.media.streams.music[row, 0] == 1 + position + 160


def said_wide(worker: Worker, row: int) -> bytes:
    return b"".join(packet.payload for packet in worker.sent(row))
