"""The E-model, ITU-T G.107: how those who have a conversation rate it, from what is measured.

    R = 93.2 - Idd(delay) - Ie,eff(codec, loss, bursts)        MOS is a curve of R

All other impairments have their default values: telephones without echo, in quiet rooms.  Scores of
wideband codecs are on the narrowband scale too, so that one number can be compared with another.

Arrays or single numbers in, arrays out.
"""

from typing import Final, NamedTuple

import numpy as np

from bus.columns import Column
from mediaworker.codecs.formats import FORMATS

BEST: Final = 93.2
"""R of G.711 without loss or delay."""
TOP: Final = 4.5
"""MOS of R = 100."""


class Impairment(NamedTuple):
    """ITU-T G.113 appendix I, with packet loss concealment."""

    equipment: float
    """Ie."""
    robustness: float
    """Bpl."""


WAVEFORM: Final = Impairment(0.0, 25.1)
"""G.711 (table I.4), and whatever the recommendation says nothing of."""
IMPAIRMENTS: Final = {"G729": Impairment(11.0, 19.0)}

Numbers = Column[np.float64]


def impairments(codecs: Column[np.uint8]) -> tuple[Numbers, Numbers]:
    """Return Ie and Bpl of codecs, as the column ``codec`` has them."""
    kinds, places = np.unique(codecs, return_inverse=True)
    known = [IMPAIRMENTS.get(_name(kind), WAVEFORM) for kind in kinds.tolist()]
    found = np.array(known, np.float64).reshape(-1, 2)[places]
    return found[:, 0], found[:, 1]


def delay_impairment(delay_ms: Numbers) -> Numbers:
    """Return Idd of a delay from mouth to ear (G.107, equations 7-27 and 7-28)."""
    x = np.log2(np.maximum(delay_ms, 100.0) / 100.0)
    impairment: Numbers = 25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2)
    return impairment


def loss_impairment(codecs: Column[np.uint8], percent: Numbers, burstiness: Numbers) -> Numbers:
    """Return Ie,eff (7-29) of packets lost or discarded; ``burstiness`` (BurstR) is 1 if random."""
    equipment, robustness = impairments(codecs)
    share = percent / (percent / np.maximum(burstiness, 1.0) + robustness)
    impairment: Numbers = equipment + (95 - equipment) * share
    return impairment


def burstiness(losses: Numbers, runs: Numbers, expected: Numbers) -> Numbers:
    """Return how much longer the mean run of losses is than if they were random (BurstR)."""
    mean = losses / np.maximum(runs, 1)
    ratio: Numbers = mean * (1 - losses / np.maximum(expected, 1))
    return np.maximum(ratio, 1.0)


def mos(r: Numbers) -> Numbers:
    """Return the score of a rating (G.107 annex B), 1 to 4.5."""
    r = np.clip(r, 0.0, 100.0)
    score: Numbers = 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6
    return np.clip(score, 1.0, TOP)


def _name(kind: int) -> str:
    return next((form.name.upper() for codec, form in FORMATS.items() if codec == kind), "")
