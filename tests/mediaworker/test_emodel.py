import numpy as np
import pytest

from mediaworker.codecs.codec import Codec
from mediaworker.codecs.formats import find
from mediaworker.emodel import (
    BEST,
    burstiness,
    delay_impairment,
    impairments,
    loss_impairment,
    mos,
)

PCMU = np.array([Codec.PCMU], np.uint8)


def one(value: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([value])


@pytest.mark.parametrize(
    ("rating", "score"),
    [(0, 1), (50, 2.58), (60, 3.10), (70, 3.60), (80, 4.03), (90, 4.34), (93.2, 4.41)],
)
def test_scores_of_ratings(rating: float, score: float) -> None:
    """G.107 annex B, table B.1."""
    assert mos(one(rating))[0] == pytest.approx(score, abs=0.01)


@pytest.mark.parametrize("rating", [-50.0, 1.0, 6.0, 100.0, 120.0])
def test_scores_stay_between_1_and_4_5(rating: float) -> None:
    assert 1 <= mos(one(rating))[0] <= 4.5


@pytest.mark.parametrize(
    ("milliseconds", "impairment"),
    [(0, 0), (100, 0), (150, 0.2), (200, 3.0), (300, 14.5), (400, 24.1), (500, 30.8)],
)
def test_delays(milliseconds: float, impairment: float) -> None:
    """G.107 equation 7-27; up to 150 ms nobody minds (G.114)."""
    assert delay_impairment(one(milliseconds))[0] == pytest.approx(impairment, abs=0.35)


def test_losses() -> None:
    """G.113: G.711 with concealment."""
    random_loss = loss_impairment(PCMU, one(5.0), one(1.0))[0]
    assert random_loss == pytest.approx(95 * 5 / (5 + 25.1))
    assert loss_impairment(PCMU, one(0.0), one(1.0))[0] == 0
    assert loss_impairment(PCMU, one(5.0), one(2.0))[0] > random_loss
    assert BEST - loss_impairment(PCMU, one(100.0), one(1.0))[0] > 0


def test_codecs_are_told_apart() -> None:
    g729 = find("G729", 8000)
    assert g729 is not None
    equipment, robustness = impairments(np.array([0, g729, 0, 255], np.uint8))
    assert equipment.tolist() == [0, 11, 0, 0]
    assert robustness.tolist() == [25.1, 19, 25.1, 25.1]


def test_burstiness_is_one_for_random_losses_and_never_less() -> None:
    losses, expected = 1000.0, 10_000.0
    assert burstiness(one(losses), one(losses * 0.9), one(expected))[0] == pytest.approx(1.0)
    assert burstiness(one(losses), one(losses / 3), one(expected))[0] == pytest.approx(2.7)
    assert burstiness(one(0), one(0), one(expected))[0] == 1
    assert burstiness(one(0), one(0), one(0))[0] == 1
