import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaworker.stages.receive import MISORDER, steps_from
from tests.mediaworker.virtual import Rtp, Worker


def numbered(worker: Worker, row: int, *sequences: int, ssrc: int = 1) -> None:
    """Let packets with these sequence numbers arrive, one a tick."""
    for sequence in sequences:
        worker.arrive(row, Rtp(sequence, 160 * sequence, bytes(160), ssrc=ssrc))
        worker.run(1)


def counts(worker: Worker, row: int) -> tuple[int, int]:
    return int(worker.public("packets_received", row)), int(worker.public("packets_lost", row))


@pytest.mark.parametrize(
    ("sequences", "received", "lost"),
    [
        (range(10), 10, 0),
        ([0, 1, 3, 4, 7], 5, 3),
        ([0, 2, 1, 3], 4, 0),
        ([0, 1, 1, 1, 2, 4], 6, 1),  # a duplicate makes up for no loss
        ([5, 4, 3, 6], 4, 0),
        ([65534, 65535, 0, 1], 4, 0),
        ([65534, 0, 65535, 2], 4, 1),
        (range(65000, 65000 + 1000), 1000, 0),
        ([0, 2999], 2, 2998),
    ],
)
def test_losses(sequences: list[int], received: int, lost: int) -> None:
    worker = Worker()
    row = worker.open()
    numbered(worker, row, *sequences)
    assert counts(worker, row) == (received, lost)


@given(st.permutations(range(40)), st.integers(0, 65535), st.sets(st.integers(1, 39)))
@settings(max_examples=40, deadline=None)
def test_losses_are_what_is_missing(order: list[int], base: int, missing: set[int]) -> None:
    """However packets are shuffled: as long as the first is the first and the last arrives."""
    worker = Worker(streams=1, pool=16)
    row = worker.open()
    shuffled = [each for each in order if each and each not in missing]
    numbered(worker, row, base, *(base + each for each in shuffled))
    assert counts(worker, row) == (1 + len(shuffled), max([0, *shuffled]) - len(shuffled))


def test_the_highest_number_counts_its_cycles() -> None:
    worker = Worker()
    row = worker.open()
    numbered(worker, row, *range(65500, 65500 + 2 * 65536, 900))
    assert worker.media.streams.sequence_highest[row] == 65500 + 131072 // 900 * 900


def test_a_jump_is_believed_when_a_second_packet_follows() -> None:
    worker = Worker()
    row = worker.open()
    numbered(worker, row, 0, 1, 40000, 2, 3)
    assert counts(worker, row) == (4, 0)
    numbered(worker, row, 40000, 40001, 40002, 40004)
    assert counts(worker, row) == (7, 1)


def test_another_source_is_believed_when_a_second_packet_follows() -> None:
    worker = Worker()
    row = worker.open()
    numbered(worker, row, 0, 1, 3)
    numbered(worker, row, 700, ssrc=2)
    assert counts(worker, row) == (3, 1)
    numbered(worker, row, 701, 702, 704, ssrc=2)
    assert counts(worker, row) == (6, 2)
    assert worker.media.streams.remote_ssrc[row] == 2


def test_packets_older_than_the_window_are_out_of_line() -> None:
    worker = Worker()
    row = worker.open()
    numbered(worker, row, 200, 201 - MISORDER)
    assert counts(worker, row)[0] == 2
    numbered(worker, row, 200 - MISORDER)
    assert counts(worker, row)[0] == 2


def test_jitter_follows_the_formula() -> None:
    """RFC 3550 A.8, with arrivals on the grid of ticks."""
    worker = Worker()
    row = worker.open()
    arrivals = [1, 5, 10, 13, 17, 24, 25, 29]
    expected, transit = 0.0, None
    for sequence, tick in enumerate(arrivals):
        worker.arrive(row, Rtp(sequence, 160 * sequence, bytes(160)), after=tick)
        before, transit = transit, 40 * tick - 160 * sequence
        if before is not None:
            expected += (abs(transit - before) - expected) / 16
    worker.run(40)
    assert worker.media.streams.jitter[row] == pytest.approx(expected, rel=1e-5)
    assert worker.public("jitter_ms", row) == pytest.approx(expected / 8, rel=1e-5)


def test_a_pause_is_no_jitter() -> None:
    worker = Worker()
    row = worker.open()
    for sequence in range(10):
        worker.arrive(row, Rtp(sequence, 160 * sequence, bytes(160)), after=1 + 4 * sequence)
        worker.arrive(row, Rtp(10 + sequence, 9 + 160 * sequence, bytes(160)), 800 + 4 * sequence)
    worker.run(900)
    assert worker.public("jitter_ms", row) == 0


def test_a_payload_that_nobody_knows_is_counted_and_not_played() -> None:
    worker = Worker()
    row = worker.open()
    for sequence in range(4):
        worker.arrive(row, Rtp(sequence, 0, bytes(160), payload_type=13), after=1 + 4 * sequence)
    worker.run(50)
    assert counts(worker, row) == (4, 0)
    assert worker.public("frames_played", row) == 0


@given(st.integers(0, 2**34), st.integers(-(2**15), 2**15 - 1))
def test_steps_go_the_short_way_round(highest: int, step: int) -> None:
    sequences = np.array([(highest + step) % 2**16], np.uint16)
    assert steps_from(sequences, np.array([highest])).tolist() == [step]


@given(st.integers(0, 65535), st.lists(st.integers(0, 80), max_size=20))
@settings(max_examples=40, deadline=None)
def test_the_short_way_to_the_next_packet_leads_where_the_long_one_does(
    first: int, before: list[int]
) -> None:
    """A second row makes the first take the general way, with the same result."""
    alone, disturbed = Worker(streams=2, pool=16), Worker(streams=2, pool=16)
    for worker in (alone, disturbed):
        row, other = worker.open(), worker.open()
        numbered(worker, row, first, *(first + each for each in before))
        for step in range(81, 90):
            worker.arrive(row, Rtp(first + step, 160 * step, bytes(160), ssrc=1))
            if worker is disturbed:
                worker.arrive(other, Rtp(3 * step, 0, bytes(160)))
            worker.run(1)
    for name in (*RECEPTION, "jitter"):
        column = [getattr(worker.media.streams, name)[0] for worker in (alone, disturbed)]
        assert column[0] == column[1], name
    assert counts(alone, 0) == counts(disturbed, 0)


RECEPTION = [
    "remote_ssrc",
    "sequence_first",
    "sequence_highest",
    "sequence_seen",
    "sequence_received",
    "sequence_doubled",
    "transit",
]
