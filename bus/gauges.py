"""Levels and counters of a running stream, read from its worker's public table."""

from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from bus.calls import Quality
from bus.ids import StreamId
from bus.tables import PublicStreams

QUALITY: Final = tuple(
    (field.name, {"strangers": "packets_strange"}.get(field.name, field.name))
    for field in msgspec.structs.fields(Quality)
)
"""What quality is made of, and in which column it is."""


class Reading(msgspec.Struct, frozen=True):
    """A stream at this moment.  Levels in dBov: 0 is the loudest, -127 is silence."""

    level_received: float
    level_sent: float
    quality: Quality


class Gauges:
    """One worker's table.  Raises OSError or SchemaMismatchError if it is none of ours."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._table = PublicStreams.open(path)

    def read(self, stream: StreamId) -> Reading | None:
        """Return what the table says of a stream, None if it has no row there."""
        rows = np.flatnonzero(self._table.stream == stream)
        return _reading(self._table, int(rows[0])) if len(rows) else None


def quality_of(table: PublicStreams, row: int) -> Quality:
    """Return what a row says of its media."""
    return Quality(**{name: getattr(table, column)[row].item() for name, column in QUALITY})


def _reading(table: PublicStreams, row: int) -> Reading:
    return Reading(
        level_received=float(table.level_received[row]),
        level_sent=float(table.level_sent[row]),
        quality=quality_of(table, row),
    )
