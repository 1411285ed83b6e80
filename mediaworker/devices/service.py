"""The life of a device process: open, move samples, lose the device, open it again.

(none) --opened--> serving --it failed, or does not move--> (none), again every second
   ^------------------- another one is to be used ----------------'
"""

import select
import time
from collections.abc import Callable
from io import RawIOBase
from typing import Final, Protocol

import msgspec

from bus.audio_rings import AudioEnd
from bus.devices import (
    MICROPHONE,
    RINGER,
    DeviceError,
    DeviceReport,
    Impossible,
    Lost,
    Opened,
    Pulse,
    UseDevice,
)
from mediaworker.devices.cards import Card, open_card, portaudio
from mediaworker.devices.conduit import Counts, Inward, Outward
from mediaworker.devices.ringing import Ringing
from mediaworker.devices.voice import Voice

STEP: Final = 0.004
AGAIN: Final = 1.0
"""Seconds between two attempts to open a device."""
PULSE: Final = 1.0

encode = msgspec.json.Encoder().encode
decode_use = msgspec.json.Decoder(UseDevice).decode


class Conduit(Protocol):
    """What moves the samples of a device."""

    def step(self, now: float, passed: float) -> bool:
        """Move what is there; False if the device seems to be gone."""
        ...


class Service:
    """One direction of one call, or a telephone that rings."""

    def __init__(
        self,
        part: str,
        wanted: str,
        ring: AudioEnd | None,
        say: Callable[[DeviceReport], None],
        *,
        voice: bool = False,
        opening: Callable[..., Card] = open_card,
    ) -> None:
        self.opening = opening
        self.part, self.wanted, self.ring, self.say, self.voice = part, wanted, ring, say, voice
        self.counts = Counts()
        self.card: Card | None = None
        self.conduit: Conduit | None = None
        self.failed = False
        self.told = False
        self.again_at = 0.0

    def run(self, orders: RawIOBase) -> None:
        """Serve until there are no more orders, or the rings are taken back."""
        try:
            portaudio()
        except DeviceError as error:
            self.say(Impossible(str(error)))
            return
        before = pulse_at = time.monotonic()
        while self._listen(orders) and (self.ring is None or self.ring.is_open):
            now = time.monotonic()
            self.step(now, now - before)
            before = now
            if now >= pulse_at:
                pulse_at = now + PULSE
                self.say(self.pulse())
        self._close()

    def step(self, now: float, passed: float) -> None:
        """Move samples, or try to open the device."""
        if self.conduit is None:
            if now >= self.again_at:
                self.again_at = now + AGAIN
                self._open()
            return
        try:
            gone = "" if self.conduit.step(now, passed) else "it does not move"
        except DeviceError as error:
            gone = str(error)
        if gone:
            self._lose(gone)

    def use(self, wanted: str) -> None:
        """Serve another device."""
        self._close()
        self.wanted, self.failed, self.told, self.again_at = wanted, True, False, 0.0

    def pulse(self) -> Pulse:
        """Return how it goes."""
        pulse = Pulse(silent_ms=1000 * self.counts.silent, skipped_ms=1000 * self.counts.skipped)
        if isinstance(self.conduit, Inward | Outward):
            drift = self.conduit.drift
            pulse = msgspec.structs.replace(
                pulse,
                waiting_ms=1000 * self.conduit.waiting,
                target_ms=1000 * drift.target,
                clocks_ppm=1e6 * drift.clocks,
            )
        return pulse

    def _listen(self, orders: RawIOBase) -> bool:
        if select.select([orders], [], [], STEP)[0]:
            line = orders.readline()
            if not line:
                return False
            self.use(decode_use(line).device)
        return True

    def _open(self) -> None:
        try:
            output = self.part != MICROPHONE
            self.card = self.opening(self.wanted, output=output, afresh=self.failed)
            self.conduit = self._conduit(self.card)
        except DeviceError as error:
            self._lose(str(error))
        else:
            self.failed = self.told = False
            self.say(Opened(self.card.name, self.card.rate))

    def _conduit(self, card: Card) -> Conduit:
        ring = self.ring
        if self.part == RINGER or ring is None:
            return Ringing(card)
        if self.part == MICROPHONE:
            return Inward(card, ring, self.counts, Voice(ring).clean if self.voice else None)
        return Outward(card, ring, self.counts)

    def _lose(self, reason: str) -> None:
        name = self.wanted if self.card is None else self.card.name
        self._close()
        self.failed = True
        if not self.told:
            self.told = True
            self.say(Lost(name, reason))

    def _close(self) -> None:
        self.conduit = None
        if self.card is not None:
            self.card.close()
            self.card = None
