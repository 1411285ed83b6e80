import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaworker import sounding
from mediaworker.stages.reorder import DEPTH, IDLE
from mediaworker.streams import RING
from tests.mediaworker.virtual import Worker, packets, peer, said, speech

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


def delay(worker: Worker, index: int) -> int:
    """Return in how many ticks a packet came back that was sent in time."""
    audio = said(worker.sent(0))
    begin = audio.index(WHOLE[160 * index : 160 * index + 160])
    return worker.wire.sent[0][begin // 160].tick - 1 - 4 * index


def test_all_in_time() -> None:
    worker, audio = echoed({})
    assert WHOLE in audio
    assert delay(worker, 50) * 40 == DEPTH + 40


@given(st.dictionaries(st.integers(1, 98), st.integers(0, 8)))
@settings(max_examples=30, deadline=None)
def test_jitter_and_reordering_within_the_depth_are_not_heard(delays: dict[int, int]) -> None:
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


def test_a_late_packet_is_dropped_and_the_next_one_so_late_is_not() -> None:
    late = dict.fromkeys(range(20, 80, 5), 14)
    worker, _ = echoed(late)
    assert worker.public("packets_late", 0) == 1
    assert worker.public("frames_concealed", 0) - 4 == 1 + 2
    assert delay(worker, 50) == 9 + 2 * 4


def test_when_all_become_late_nothing_is_dropped() -> None:
    worker, audio = echoed(dict.fromkeys(range(40, 100), 14))
    assert WHOLE[:6400] in audio
    assert WHOLE[6400:] in audio
    assert worker.public("frames_played", 0) == 100


def test_what_waits_too_long_is_shortened() -> None:
    """The first packets of a network that recovers come late, the others as fast as ever."""
    worker = Worker()
    row = worker.open()
    sounding.play_echo(worker.media, row)
    codes = speech(160 * 400)
    for index, packet in enumerate(packets(codes, sequence=1)):
        worker.arrive(row, packet, after=1 + 4 * index + (20 if index < 5 else 0))
    worker.run(1700)
    audio = said(worker.sent(row))
    begin = audio.index(codes[160 * 350 : 160 * 351].tobytes())
    assert worker.wire.sent[row][begin // 160].tick - 1 - 4 * 350 <= 13
    assert worker.public("frames_played", row) >= 394


@pytest.mark.parametrize("jump", [10_000, 100_000, -100_000, 1 << 31, 40])
def test_a_jump_of_the_peers_clock_is_followed(jump: int) -> None:
    worker = Worker()
    row = worker.open()
    sounding.play_echo(worker.media, row)
    for index, packet in enumerate(packets(CODES)):
        moved = packet.timestamp + (jump if index >= 50 else 0)
        worker.arrive(row, packet._replace(timestamp=moved), after=1 + 4 * index)
    worker.run(500)
    assert WHOLE[160 * 50 :] in said(worker.sent(row))


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
    assert worker.wire.sent[row][begin // 160].tick - 1 - 200 - 77 in range(8, 13)
    assert worker.public("packets_late", row) == 0


def test_a_peer_that_falls_silent_is_not_concealed_for_ever() -> None:
    worker, _ = echoed({})
    worker.run(500)
    assert worker.public("frames_concealed", 0) * 160 < IDLE
    assert worker.media.streams.gap[0] == IDLE


def test_drifting_clocks_are_followed() -> None:
    """A peer that is 1 % fast, then one that is 1 % slow: delay stays bounded, little is lost."""
    for drift in (0.99, 1.01):
        worker = Worker()
        row = worker.open()
        sounding.play_echo(worker.media, row)
        codes = speech(160 * 1000)
        for index, packet in enumerate(packets(codes)):
            worker.arrive(row, packet, after=1 + int(4 * index * drift))
        worker.run(4100)
        streams = worker.media.streams
        assert worker.public("frames_played", row) > 980
        waits = int(streams.newest_timestamp[row]) - int(streams.play_timestamp[row])
        assert waits < 2 * DEPTH


def test_more_than_the_ring_holds_keeps_the_newest() -> None:
    worker = Worker()
    row = worker.open(peer(ptime_ms=20))
    sounding.play_echo(worker.media, row)
    for packet in packets(speech(160)):
        worker.arrive(row, packet._replace(sequence=65499), after=1)
    for index, packet in enumerate(packets(CODES)):
        worker.arrive(row, packet, after=2 + index // 16)
    worker.run(300)
    assert said(worker.sent(row)).find(WHOLE[-1600:]) > 0
    assert np.count_nonzero(worker.media.streams.ring[row]) == 0
    assert RING >= 3 * 1600
