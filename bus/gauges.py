"""Levels and counters of running streams, read from their workers' public tables."""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from bus.calls import Quality
from bus.columns import SchemaMismatchError
from bus.ids import StreamId
from bus.tables import PublicStreams

QUALITY: Final = tuple(
    (field.name, {"strangers": "packets_strange"}.get(field.name, field.name))
    for field in msgspec.structs.fields(Quality)
)
"""What quality is made of, and in which column it is."""

MEANS: Final = ("mos", "mos_conversational", "loss_percent", "jitter_ms", "round_trip_ms")


class Reading(msgspec.Struct, frozen=True):
    """A stream at this moment.  Levels in dBov: 0 is the loudest, -127 is silence."""

    level_received: float
    level_sent: float
    quality: Quality


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """How good the media of several streams are, of those that have a score."""

    scored: int = 0
    """How many these are."""
    mos: float = 0.0
    """Means, of the last five seconds of each."""
    mos_conversational: float = 0.0
    loss_percent: float = 0.0
    jitter_ms: float = 0.0
    round_trip_ms: float = 0.0
    mos_least: float = 0.0
    """Conversational, of the stream that has the least."""


class Gauges:
    """One worker's table.  Raises OSError or SchemaMismatchError if it is none of ours."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._table = PublicStreams.open(path)

    def read(self, stream: StreamId) -> Reading | None:
        """Return what the table says of a stream, None if it has no row there."""
        rows = np.flatnonzero(self._table.stream == stream)
        return _reading(self._table, int(rows[0])) if len(rows) else None


def summary(paths: Iterable[str]) -> Summary:
    """Summarize the tables at these paths; those that are not there (any more) are left out."""
    tables: list[PublicStreams] = []
    for path in filter(None, paths):
        with contextlib.suppress(OSError, SchemaMismatchError):
            tables.append(PublicStreams.open(Path(path)))
    if not tables:
        return Summary()
    columns = {name: np.concatenate([getattr(each, name) for each in tables]) for name in MEANS}
    streams = np.concatenate([table.stream for table in tables])
    scored = (streams != 0) & (columns["mos"] > 0)
    if not scored.any():
        return Summary()
    return Summary(
        scored=int(scored.sum()),
        mos_least=float(columns["mos_conversational"][scored].min()),
        **{name: float(values[scored].mean()) for name, values in columns.items()},
    )


def quality_of(table: PublicStreams, row: int) -> Quality:
    """Return what a row says of its media."""
    return Quality(**{name: getattr(table, column)[row].item() for name, column in QUALITY})


def _reading(table: PublicStreams, row: int) -> Reading:
    return Reading(
        level_received=float(table.level_received[row]),
        level_sent=float(table.level_sent[row]),
        quality=quality_of(table, row),
    )
