"""All that a worker's stages work on, in one object: the tables, and what this tick brought.

Nothing here outlives a tick but the tables.
"""

from __future__ import annotations

from collections import deque
from functools import cached_property
from typing import Final, NamedTuple

import msgspec
import numpy as np

from bus.audio_rings import AudioRings
from bus.columns import Column
from bus.streams import StreamEvent
from bus.tables import PublicStreams, WorkerState
from mediaworker.codecs.codec import Codec
from mediaworker.codecs.coders import Coders
from mediaworker.ring import Rings, Windows
from mediaworker.rooms import Room
from mediaworker.rtp.header import Headers
from mediaworker.rtp.srtp import Protected
from mediaworker.streams import RECORDINGS, RINGS, TICK, Recordings, Rows, Slot, Streams, slot_of

HEARS_TONES: Final = {"never": (False, False), "auto": (False, True), "always": (True, True)}
"""Whether digits are looked for in the audio of peers that take telephone-events, and of others."""


class Batch(NamedTuple):
    """Rows that are due in this tick and have the same packet time and sample rate."""

    rows: Rows
    samples: int
    scale: int = 1
    """Samples to one at 8 kHz; the same in all rows."""

    @property
    def ticks(self) -> int:
        """Return the packet time."""
        return self.samples // (TICK * self.scale)


class Packets(NamedTuple):
    """Valid RTP packets of one kind, at most one a row, as arrays of equal length."""

    rows: Rows
    slot: Slot
    kinds: Column[np.uint8]
    timestamps: Column[np.uint32]
    begins: Column[np.int64] | None
    """Where the payload begins in the slot; None: behind a header of 12 bytes in all of them."""
    sizes: Column[np.int64]
    newest: Column[np.bool_]
    """No packet before it had a higher sequence number."""

    def only(self, which: Column[np.bool_] | Column[np.intp]) -> Packets:
        """Return some of them."""
        return Packets(
            self.rows[which],
            slot_of(self.slot, which),
            self.kinds[which],
            self.timestamps[which],
            None if self.begins is None else self.begins[which],
            self.sizes[which],
            self.newest[which],
        )


class Wave(msgspec.Struct):
    """Datagrams received together, at most one a row.

    Each stage of arrival leaves here what the next one reads.
    """

    rows: Rows
    slot: Slot
    lengths: Column[np.int64]
    sources: Column[np.uint64]
    """Shape (n, ADDRESS), see ``net.address``."""
    admitted: tuple[Rows, Headers] | None = None
    """Those that are RTP and come from their row's peer."""
    audio: Packets | None = None
    events: Packets | None = None

    def keep(self, which: Column[np.bool_]) -> None:
        """Drop all others."""
        self.rows, self.lengths = self.rows[which], self.lengths[which]
        self.sources = self.sources[which]
        self.slot = slot_of(self.slot, which)


class Report(NamedTuple):
    """An RTCP datagram, received or to be sent."""

    row: int
    datagram: bytes
    source: tuple[int, int, int] = (0, 0, 0)


class Line(msgspec.Struct):
    """Payloads of a codec with memory that wait for those before them, in one row."""

    codec: Codec
    next: int
    """RTP timestamp of the payload that is to be decoded next."""
    parked: dict[int, bytes]
    """By timestamp."""


class Media:
    """The tables of a worker and the work of the running tick."""

    def __init__(
        self,
        streams: Streams,
        public: PublicStreams,
        state: WorkerState,
        recordings: Recordings,
        pool: Column[np.int16],
        audio: AudioRings | None = None,
    ) -> None:
        self.streams = streams
        self.public = public
        self.state = state
        self.recordings = recordings
        self.pool = pool
        self.audio = audio or AudioRings.private(RINGS)
        self.lent = set[int]()
        """Rows whose audio an application has."""
        self.coders = Coders()
        self.lines: dict[int, Line] = {}
        """By row; see ``stages.parking``."""
        self.gained: set[int] = set()
        """Rows with a gain."""
        self.grouped: set[int] = set()
        """Rows in a group."""
        self.rooms: dict[int, Room] = {}
        """By their rows."""
        self.pausing: set[int] = set()
        """Rows whose packets may be suppressed."""
        self.hushing: set[int] = set()
        """Rows that send comfort noise in place of silence."""
        self.protected: dict[int, Protected] = {}
        """Rows with SRTP, see ``securing``."""
        self.hears_tones = HEARS_TONES["auto"]
        self.accepts = "latch"
        """From whom RTP is taken, the setting ``media.accept_rtp_from`` (see ``stages.admit``)."""
        self.patience = 0
        """Ticks of silence until it is told, see ``stages.watch``; 0: never."""
        self.settles_until = 0
        """Until this tick rows are aligned to their first packets: it matters when those come."""
        self.look_at = 0
        """Tick in which streams are looked at next, and which part of them the last time."""
        self.part = 0
        self.tick = 0
        self.now_ns = 0
        """Monotonic time of the tick."""
        self.wall_ns = 0
        """The same instant by the clock on the wall, for sender reports; 0 if nobody said."""
        self.high = 0
        """Rows from here on were never used."""
        self.clean = deque[int]()
        """Free rows that are clean, to be taken next."""
        self.waves: list[Wave] = []
        self.reports_heard: list[Report] = []
        self.reports_due: list[Report] = []
        self.moved: list[int] = []
        """Rows whose peer has another address than the backend last heard of."""
        self.events: list[StreamEvent] = []

    def sending(self, rows: Rows) -> Column[np.bool_]:
        """Which rows send a packet now, once it is encoded."""
        sends: Column[np.bool_] = self.streams.sends[rows]
        if self.pausing:
            sends &= ~self.streams.suppressed[rows]
        return sends

    @cached_property
    def jitter(self) -> Windows[np.uint16]:
        """The jitter buffers, one after the other."""
        return Windows(self.streams.buffer.reshape(-1))

    @cached_property
    def taps(self) -> Rings[np.int16]:
        """The taps."""
        return Rings(self.streams.tap)

    @cached_property
    def heard_rings(self) -> Rings[np.int16]:
        """What applications hear."""
        return Rings(self.audio.heard)

    @cached_property
    def said_rings(self) -> Rings[np.int16]:
        """What they say."""
        return Rings(self.audio.said)

    @cached_property
    def sounds(self) -> Windows[np.int16]:
        """The pool, for sounds that are played."""
        return Windows(self.pool)

    @classmethod
    def private(cls, rows: int, pool_samples: int = 1 << 16) -> Media:
        """Return one that no other process sees, for tests and benches."""
        return cls(
            Streams.private(rows),
            PublicStreams.private(rows),
            WorkerState.private(1),
            Recordings.private(RECORDINGS),
            np.zeros(pool_samples, np.int16),
        )
