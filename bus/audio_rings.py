"""The audio that applications exchange with a worker: a pair of rings a call, in shared memory.

    worker       heard  ===========>  application      what the peer says
    worker     <===========  said     application      what the peer is to hear

Each ring has one writer and one reader.  ``*_written`` counts samples from the opening on; sample n
lies at ``n % RING``.  Nobody waits for the other: a reader that is slow finds its oldest samples
overwritten and goes on with later ones, a writer that is slow is silence.

The memory has no name in any folder, and nobody can make it shorter: ``path`` (told by the worker)
leads to it.  The worker believes nothing that it reads here: it keeps positions of its own.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

import numpy as np

from bus.columns import Column, Table, column
from bus.errors import OffhookError

RING: Final = 16384
"""Samples of a ring: one second at 16 kHz, two at 8 kHz."""
RATES: Final = (8000, 16000)
"""Hz, that an application can choose."""
MARGIN: Final = 1024
"""Samples next to the writer's place that a reader does not touch: they may be just overwritten."""


class AudioClosedError(OffhookError):
    """The rings are not, or not any more, those of this stream."""


class AudioRings(Table):
    """A row is a pair of rings; free ones are of stream 0."""

    stream = column(np.int64)
    rate = column(np.uint32)
    """Hz, of both rings."""
    heard = column(np.int16, RING)
    heard_written = column(np.int64)
    """By the worker."""
    said = column(np.int16, RING)
    said_written = column(np.int64)
    """By the application."""
    said_read = column(np.int64)
    """By the worker, which has sent what lies before."""
    said_missing = column(np.int64)
    """Samples of silence that the worker sent because nothing was there, after the first sample."""


class AudioEnd:
    """The application's end of the rings of one stream; no call of it waits."""

    def __init__(self, rings: AudioRings, row: int) -> None:
        self.rings, self.row = rings, row
        self.stream = int(rings.stream[row])
        self.rate = int(rings.rate[row])
        self.position = int(rings.heard_written[row])
        """Sample of ``heard`` that is read next."""
        self.missed = 0
        """Samples that were overwritten, or too old, before they were read."""
        self.written = int(rings.said_written[row])

    @classmethod
    def find(cls, path: str | Path, stream: int) -> AudioEnd:
        """Open the rings of a stream.  Raises AudioClosedError, OSError or SchemaMismatchError."""
        rings = opened(str(path))
        rows = np.flatnonzero(rings.stream == stream)
        if not len(rows):
            raise AudioClosedError(f"stream {stream} has no audio open")
        return cls(rings, int(rows[0]))

    @property
    def is_open(self) -> bool:
        """Whether the worker still serves them."""
        return int(self.rings.stream[self.row]) == self.stream

    @property
    def available(self) -> int:
        """Samples of the peer that wait."""
        return int(self.rings.heard_written[self.row]) - self.position

    @property
    def queued(self) -> int:
        """Samples that wait to be sent."""
        return self.written - int(self.rings.said_read[self.row])

    @property
    def missing(self) -> int:
        """Samples of silence that were sent because nothing waited."""
        return int(self.rings.said_missing[self.row])

    def skip(self, keep: int) -> None:
        """Leave out what is older than the newest ``keep`` samples."""
        surplus = self.available - keep
        if surplus > 0:
            self.position += surplus
            self.missed += surplus

    def read(self, samples: int) -> Column[np.int16] | None:
        """Return the next samples of the peer; None if there are not so many yet."""
        if self.available > RING - MARGIN:
            self.skip(samples)
        if self.available < samples:
            return None
        heard = _copy(self.rings.heard[self.row], self.position, samples)
        if self.available > RING:  # it was overwritten while we copied
            self.skip(samples)
            return self.read(samples)
        self.position += samples
        return heard

    def write(self, samples: Column[np.int16]) -> int:
        """Queue samples to be sent, as many as there is room for; return how many."""
        taken = max(0, min(len(samples), RING - MARGIN - self.queued))
        ring, begin = self.rings.said[self.row], self.written % RING
        first = min(taken, RING - begin)
        ring[begin : begin + first] = samples[:first]
        ring[: taken - first] = samples[first:taken]
        self.written += taken
        self.rings.said_written[self.row] = self.written
        return taken

    def withdraw(self, keep: int) -> int:
        """Take back what was written last, except so many samples; return how many."""
        surplus = max(0, self.queued - keep)
        self.written -= surplus
        self.rings.said_written[self.row] = self.written
        return surplus


@functools.lru_cache(maxsize=8)
def opened(path: str) -> AudioRings:
    """Map the rings of a worker, once a process."""
    return AudioRings.open(Path(path), write=True)


def _copy(ring: Column[np.int16], position: int, samples: int) -> Column[np.int16]:
    begin = position % RING
    if begin + samples <= RING:
        return ring[begin : begin + samples].copy()
    return np.concatenate((ring[begin:], ring[: begin + samples - RING]))
