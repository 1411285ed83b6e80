"""Questions about masks, asked many times a tick.

``mask.all()`` and ``np.flatnonzero`` go through Python first and cost three times as much.
"""

from collections.abc import Iterator

import numpy as np

from bus.columns import Column


def every(mask: Column[np.bool_]) -> bool:
    """Whether it holds everywhere."""
    return int(np.count_nonzero(mask)) == mask.size


def some(mask: Column[np.bool_]) -> bool:
    """Whether it holds anywhere."""
    return int(np.count_nonzero(mask)) > 0


def places(mask: Column[np.bool_]) -> Column[np.intp]:
    """Return where it holds."""
    return mask.nonzero()[0]


def each_kind(kinds: Column[np.uint8]) -> Iterator[tuple[int, Column[np.bool_] | None]]:
    """Yield each number in ``kinds`` and where it is; None is everywhere."""
    same = kinds == kinds[0]
    if every(same):
        yield int(kinds[0]), None
        return
    for kind in np.unique(kinds).tolist():
        yield kind, kinds == kind
