import random

import pytest

from mediaworker.rtp.bursts import (
    C33,
    COUNTS,
    DISCARDED,
    GMIN,
    LOST,
    RUN,
    Bursts,
    lose,
    measure,
    runs,
)


def counted(packets: str) -> list[int]:
    """Count packets, of which ``x`` are lost and ``d`` discarded."""
    counts, after = [0] * COUNTS, 0
    for packet in packets:
        if packet == ".":
            after += 1
        else:
            lose(counts, after, discarded=packet == "d")
            after = 0
    counts[RUN] += after
    return counts


GAP = "." * 100


def test_nothing_lost() -> None:
    assert measure(counted(GAP), 20) == Bursts(0, 0, 0, 2000)
    assert measure([0] * COUNTS, 20) == Bursts(0, 0, 0, 0)


def test_single_losses_are_gaps() -> None:
    counts = counted(f"{GAP}x{GAP}x{GAP}")
    measured = measure(counts, 20)
    assert measured.gap_density == 2 / 302
    assert (measured.burst_density, measured.burst_ms) == (0, 0)
    assert (counts[LOST], runs(counts)) == (2, 2)


def test_losses_less_than_gmin_apart_are_a_burst() -> None:
    almost, enough = "." * (GMIN - 1), "." * GMIN
    assert measure(counted(f"{GAP}x{almost}x{GAP}"), 20).burst_ms > 0
    assert measure(counted(f"{GAP}x{enough}x{GAP}"), 20).burst_ms == 0


def test_a_burst_is_as_long_and_as_dense_as_it_was() -> None:
    measured = measure(counted(f"{GAP}xxx.x..xxxx{GAP}" * 10), 20)
    assert measured.burst_ms == pytest.approx(11 * 20, rel=0.2)
    assert measured.burst_density == pytest.approx(8 / 11, rel=0.1)
    assert measured.gap_ms == pytest.approx(200 * 20, rel=0.1)
    assert measured.gap_density == 0


def test_one_run_of_losses() -> None:
    counts = counted(f"{GAP}xxxxxxxxxx{GAP}")
    assert (counts[LOST], counts[C33], runs(counts)) == (10, 9, 1)
    assert measure(counts, 10).burst_density == 1
    assert measure(counts, 10).burst_ms == 100


def test_discarded_packets_are_lost_to_the_ear() -> None:
    lost, discarded = counted(f"{GAP}xx.x{GAP}"), counted(f"{GAP}dd.d{GAP}")
    assert measure(lost, 20) == measure(discarded, 20)
    assert (lost[LOST], discarded[DISCARDED]) == (3, 3)


def test_losses_at_random_come_in_runs_that_random_ones_have() -> None:
    chance = random.Random(1)
    counts = counted("".join("x" if chance.random() < 0.1 else "." for _ in range(50_000)))
    assert counts[LOST] / runs(counts) == pytest.approx(1 / 0.9, rel=0.02)
