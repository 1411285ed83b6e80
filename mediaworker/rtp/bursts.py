"""Losses in bursts and in the gaps between them, as RFC 3611 4.7.2 defines them.

A burst begins and ends with a loss, and less than ``GMIN`` packets in a row are received in it.
The algorithm is that of appendix A.2: it has to do something for losses only, and counts how often
one state (1 received in a gap, 2 received in a burst, 3 lost in a burst, 4 lost in a gap) comes
after another.  Here the first loss ends no burst, as there was none.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

GMIN: Final = 16

RUN: Final = 0
"""Where the packets received since the last loss are counted."""
IN_ROW: Final = 1
"""Losses since the last gap."""
C11, C13, C14, C22, C23, C33 = range(2, 8)
LOST: Final = 8
DISCARDED: Final = 9
COUNTS: Final = 10


class Bursts(NamedTuple):
    """What the counts say."""

    burst_density: float = 0.0
    """Share of the packets in bursts that was lost or discarded."""
    gap_density: float = 0.0
    burst_ms: float = 0.0
    """Mean length, as is ``gap_ms``."""
    gap_ms: float = 0.0


def lose(counts: list[int], after: int, *, discarded: bool = False) -> None:
    """Count a loss (or discard), ``after`` so many packets were received."""
    run = counts[RUN] + after
    counts[DISCARDED if discarded else LOST] += 1
    if run >= GMIN or not counts[IN_ROW]:
        if counts[IN_ROW] == 1:
            counts[C14] += 1
        elif counts[IN_ROW]:
            counts[C13] += 1
        counts[IN_ROW] = 1
        counts[C11] += run
    else:
        counts[IN_ROW] += 1
        if run == 0:
            counts[C33] += 1
        else:
            counts[C23] += 1
            counts[C22] += run - 1
    counts[RUN] = 0


def runs(counts: Sequence[int]) -> int:
    """Return how many runs the losses make."""
    return counts[LOST] + counts[DISCARDED] - counts[C33]


def measure(counts: Sequence[int], packet_ms: float) -> Bursts:
    """Return densities and lengths up to now: as if a gap followed."""
    c11, c13, c14, c22, c23, c33 = counts[C11 : C33 + 1]
    if counts[IN_ROW] == 1:
        c14 += 1
    elif counts[IN_ROW]:
        c13 += 1
    c11 += counts[RUN]
    in_gaps = c11 + c14
    gap_density = c14 / in_gaps if in_gaps else 0.0
    if not c13:
        return Bursts(0.0, gap_density, 0.0, in_gaps * packet_ms)
    p32 = c23 / (c13 + c23 + c33)
    p23 = 1 - c22 / (c22 + c23) if c22 + c23 else 1.0
    in_bursts = c13 + c22 + 2 * c23 + c33
    length = packet_ms / c13
    return Bursts(p23 / (p23 + p32), gap_density, in_bursts * length, (in_gaps + c13) * length)
