import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaworker import sounding
from mediaworker.stages.anchor import START
from tests.mediaworker.virtual import Worker, packets, said, speech

CODES = speech(16000)
WHOLE = CODES.tobytes()


def echoed(delays: dict[int, int], lost: frozenset[int] = frozenset()) -> tuple[Worker, bytes]:
    """Send 100 packets, some delayed by so many ticks; return what came back."""
    worker = Worker()
    row = worker.open()
    sounding.play_echo(worker.media, row)
    for index, packet in enumerate(packets(CODES)):
        if index not in lost:
            worker.arrive(row, packet, after=1 + 4 * index + delays.get(index, 0))
    worker.run(500)
    return worker, said(worker.sent(row))


def test_all_in_time() -> None:
    _, audio = echoed({})
    assert WHOLE in audio


@given(st.dictionaries(st.integers(1, 98), st.integers(0, START // 40 + 1)))
@settings(max_examples=30, deadline=None)
def test_jitter_and_reordering_within_what_is_in_hand_are_not_heard(delays: dict[int, int]) -> None:
    worker, audio = echoed(delays)
    assert WHOLE in audio
    assert worker.public("packets_late", 0) == worker.public("packets_lost", 0) == 0


def test_duplicates_are_not_heard() -> None:
    worker = Worker()
    row = worker.open()
    sounding.play_echo(worker.media, row)
    for index, packet in enumerate(packets(CODES)):
        for after in (0, 0, 2, 40):
            worker.arrive(row, packet, after=1 + 4 * index + after)
    worker.run(500)
    assert WHOLE in said(worker.sent(row))
    assert worker.public("packets_late", row) == 0
    assert worker.public("frames_played", row) == 100


def test_the_buffer_goes_round_and_leaves_nothing_behind() -> None:
    worker = Worker()
    row = worker.open()
    sounding.play_echo(worker.media, row)
    codes = speech(160 * 400)
    for index, packet in enumerate(packets(codes)):
        worker.arrive(row, packet, after=1 + 4 * index)
    worker.run(1800)
    assert codes.tobytes() in said(worker.sent(row))
    assert np.count_nonzero(worker.media.streams.buffer[row]) == 0


def test_after_silence_the_peer_is_heard_in_time() -> None:
    worker = Worker()
    row = worker.open()
    sounding.play_echo(worker.media, row)
    for index, packet in enumerate(packets(CODES)):
        pause = 77 if index >= 50 else 0
        worker.arrive(row, packet, after=1 + 4 * index + pause)
    worker.run(600)
    audio = said(worker.sent(row))
    assert WHOLE[160 * 50 :] in audio
    begin = audio.index(WHOLE[160 * 50 : 160 * 51])
    assert worker.wire.sent[row][begin // 160].tick - 1 - 200 - 77 in range(1, 13)
    assert worker.public("packets_late", row) == 0


@pytest.mark.parametrize("jump", [10_000, 100_000, -100_000, 1 << 31, 40])
def test_a_jump_of_the_peers_clock_is_followed(jump: int) -> None:
    """As after hold.  What was there already is played before."""
    worker = Worker()
    row = worker.open()
    sounding.play_echo(worker.media, row)
    for index, packet in enumerate(packets(CODES)):
        moved = packet.timestamp + (jump if index >= 50 else 0)
        worker.arrive(row, packet._replace(timestamp=moved), after=1 + 4 * index)
    worker.run(500)
    audio = said(worker.sent(row))
    assert WHOLE[: 160 * 50] in audio
    assert WHOLE[160 * 52 :] in audio  # the first is blended into what was made up
    assert worker.public("frames_concealed", row) <= 8


def test_what_overtook_another_stays_when_that_comes() -> None:
    worker = Worker()
    row = worker.open()
    for index, packet in enumerate(packets(CODES)[:3]):
        worker.arrive(row, packet, after=(1, 4, 3)[index])
    worker.run(2)
    before = int(worker.media.streams.filled[row])
    worker.run(2)
    assert worker.media.streams.filled[row] == before + 320


def test_more_than_the_buffer_holds_keeps_the_newest() -> None:
    worker = Worker()
    row = worker.open()
    sounding.play_echo(worker.media, row)
    for packet in packets(speech(160)):
        worker.arrive(row, packet._replace(sequence=65499), after=1)
    for index, packet in enumerate(packets(CODES)):
        worker.arrive(row, packet, after=2 + index // 16)
    worker.run(400)
    assert said(worker.sent(row)).find(WHOLE[-1600:]) > 0
    assert np.count_nonzero(worker.media.streams.buffer[row]) == 0
