"""The way of the samples between a ring of a worker and a device: two clocks, one queue.

    Inward   device --> varispeed --> ring of the worker       the queue is that ring
    Outward  ring of the worker --> varispeed --> device       the queue waits for room there

``step`` is called every few milliseconds with the time; nothing here waits.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from bus.audio_rings import AudioEnd
from bus.columns import Column
from mediaworker.devices.cards import Card
from mediaworker.devices.drift import Drift
from mediaworker.devices.varispeed import Varispeed

MARGIN: Final = 0.006
"""Seconds: a step and what a scheduler adds to it."""
START: Final = 0.03
"""Seconds of silence in the queue before the first sample."""
SURPLUS: Final = 0.15
"""Seconds above what should wait, from which on some is left out: nobody drained, or nobody could
keep up."""
STALLED: Final = 4.0
"""Seconds after which a device that moves nothing is taken to be gone."""

Clean = Callable[[Column[np.int16]], Column[np.int16]]
"""What is done to the sound of a microphone."""


class Counts:
    """What was made up and left out, in seconds."""

    def __init__(self) -> None:
        self.silent = 0.0
        self.skipped = 0.0


class Inward:
    """From a microphone."""

    def __init__(
        self, card: Card, ring: AudioEnd, counts: Counts, clean: Clean | None = None
    ) -> None:
        self.card, self.ring, self.counts, self.clean = card, ring, counts, clean
        self.drift = Drift(MARGIN)
        self.way = Varispeed(card.rate, ring.rate)
        self.waiting = 0.0
        self._drained = ring.written - ring.queued
        self._missing = ring.missing
        self._moved_at = 0.0
        self._began = False

    def step(self, now: float, passed: float) -> bool:
        """Move what is there; False if the device seems to be gone."""
        ring, rate = self.ring, self.ring.rate
        self._moved_at = self._moved_at or now
        came, queued = self.card.available() > 0, ring.queued
        drained, self._drained = self._drained, ring.written - queued
        self.waiting = queued / rate
        self.drift.note(self.waiting, passed, came=came, went=self._drained != drained)
        if came:
            self._moved_at = now
            spoken = self.way.convert(self.card.read(), self.drift.ratio)
            self._push(spoken if self.clean is None else self.clean(spoken))
        missing = ring.missing - self._missing
        self.counts.silent += missing / rate
        self._missing += missing
        return now - self._moved_at < STALLED

    def _push(self, samples: Column[np.int16]) -> None:
        rate = self.ring.rate
        if not self._began:
            self._began = True
            self.ring.write(np.zeros(round(START * rate), np.int16))
        self.ring.write(samples)
        surplus = self.ring.queued - round((self.drift.target + SURPLUS) * rate)
        if surplus > 0:
            self.counts.skipped += self.ring.withdraw(round(START * rate)) / rate
            self.drift.disturb()


class Outward:
    """To a speaker.

    The device is kept full, so what waits for room in it is the queue; a device that is not full
    counts as less than nothing.  Some take half a second from being full to playing.
    """

    def __init__(self, card: Card, ring: AudioEnd, counts: Counts) -> None:
        self.card, self.ring, self.counts = card, ring, counts
        self.drift = Drift(0.0)  # what is in the device is margin enough
        self.way = Varispeed(ring.rate, card.rate)
        self.waiting = 0.0
        self._queue = np.zeros(0, np.int16)
        self._moved_at = 0.0
        self._is_full = self._plays = False
        ring.skip(0)

    def step(self, now: float, passed: float) -> bool:
        """Move what is there; False if the device seems to be gone."""
        card, room, came = self.card, self.card.available(), self.ring.available
        self._is_full = self._is_full or not room
        self._plays = self._plays or (self._is_full and room > 0)
        if room or not self._moved_at:
            self._moved_at = now
        self.waiting = (len(self._queue) - room) / card.rate
        heard = self.ring.read(came) if came else None
        if heard is not None:
            made = self.way.convert(heard, self.drift.ratio)
            self._queue = np.concatenate((self._queue, made))
        if self._plays:
            self.drift.note(self.waiting, passed, came=came > 0, went=room > 0)
            self._keep(room)
            self._queue = self._queue[card.write(self._queue) :]
        else:
            self._queue = self._queue[-round(START * card.rate) :]
            card.write(np.zeros(room, np.int16))
        return now - self._moved_at < STALLED

    def _keep(self, room: int) -> None:
        """Fill the device again after it ran dry; leave out what is far too much."""
        rate = self.card.rate
        if room >= self.card.size:
            silence = np.zeros(self.card.size, np.int16)
            self._queue = np.concatenate((silence, self._queue))
            self.counts.silent += self.card.size / rate
            self.drift.disturb()
        elif len(self._queue) - room > round((self.drift.target + SURPLUS) * rate):
            kept = room + round(START * rate)
            self.counts.skipped += (len(self._queue) - kept) / rate
            self._queue = self._queue[-kept:]
            self.drift.disturb()
