"""Levels and counters of a running stream, read from its worker's public table."""

from pathlib import Path

import msgspec
import numpy as np

from bus.calls import Quality
from bus.ids import StreamId
from bus.tables import PublicStreams


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


def _reading(table: PublicStreams, row: int) -> Reading:
    return Reading(
        level_received=float(table.level_received[row]),
        level_sent=float(table.level_sent[row]),
        quality=Quality(
            packets_sent=int(table.packets_sent[row]),
            packets_received=int(table.packets_received[row]),
            packets_lost=int(table.packets_lost[row]),
            packets_late=int(table.packets_late[row]),
            frames_played=int(table.frames_played[row]),
            frames_concealed=int(table.frames_concealed[row]),
            strangers=int(table.packets_strange[row]),
            jitter_ms=float(table.jitter_ms[row]),
            remote_lost=int(table.remote_lost[row]),
            remote_jitter_ms=float(table.remote_jitter_ms[row]),
            round_trip_ms=float(table.round_trip_ms[row]),
        ),
    )
