"""A sound card in virtual time, whose clock is not that of the worker, and rings without worker."""

import numpy as np

from bus.audio_rings import RING, AudioEnd, AudioRings
from bus.columns import Column
from bus.devices import DeviceError


def rings(rate: int = 16000) -> AudioEnd:
    table = AudioRings.private(1)
    table.stream[0], table.rate[0] = 1, rate
    return AudioEnd(table, 0)


class VirtualCard:
    """Moves blocks of samples, several at once, by a clock of its own."""

    def __init__(self, rate: int = 48000, block: float = 0.02, ppm: float = 0.0) -> None:
        self.name = "virtual"
        self.rate = rate
        self.block = round(block * rate)
        self.every = block / (1 + ppm * 1e-6)
        self.next_at = 0.0
        self.size = 0
        self.queue = np.zeros(0, np.int16)
        self.played: list[Column[np.int16]] = []
        self.dry: int = 0
        self.gone = False
        self.closed = False

    def available(self) -> int:
        if self.gone:
            raise DeviceError("virtual: unplugged")
        return self.size - len(self.queue) if self.size else len(self.queue)

    def read(self) -> Column[np.int16]:
        block, self.queue = self.queue, self.queue[:0]
        return block

    def write(self, samples: Column[np.int16]) -> int:
        taken = min(len(samples), self.size - len(self.queue))
        self.queue = np.concatenate((self.queue, samples[:taken]))
        return taken

    def close(self) -> None:
        self.closed = True


class Microphone(VirtualCard):
    """Hears a function of the time, in samples of its own."""

    def __init__(
        self, sound: Column[np.int16], block: float = 0.02, ppm: float = 0.0, rate: int = 48000
    ) -> None:
        super().__init__(rate, block, ppm)
        self.sound, self.position = sound, 0

    def until(self, now: float) -> None:
        while self.next_at <= now:
            self.next_at += self.every
            heard = self.sound[self.position : self.position + self.block]
            self.position += self.block
            self.queue = np.concatenate((self.queue, heard))


class Speaker(VirtualCard):
    """Plays; it begins once it is full."""

    def __init__(self, size: float = 0.06, block: float = 0.01, ppm: float = 0.0) -> None:
        super().__init__(48000, block, ppm)
        self.size = round(size * self.rate)
        self.runs = False

    def until(self, now: float) -> None:
        self.runs = self.runs or len(self.queue) == self.size
        while self.next_at <= now:
            self.next_at += self.every
            if self.runs:
                self.played.append(self.queue[: self.block])
                self.dry += len(self.queue) < self.block
                self.queue = self.queue[self.block :]


class Worker:
    """What the worker does to rings: 20 ms out of one and into the other, by its own clock."""

    def __init__(self, end: AudioEnd) -> None:
        self.end, self.samples, self.next_at = end, end.rate // 50, 0.0
        self.sent: list[Column[np.int16]] = []
        self.position = 0

    def until(self, now: float, heard: Column[np.int16] | None = None) -> None:
        while self.next_at <= now:
            self.next_at += 0.02
            self._take()
            if heard is not None:
                self._give(heard[self.position : self.position + self.samples])
                self.position += self.samples

    def _take(self) -> None:
        table = self.end.rings
        at = int(table.said_read[0])
        waiting = min(self.samples, int(table.said_written[0]) - at)
        frame = np.zeros(self.samples, np.int16)
        frame[:waiting] = table.said[0, (at + np.arange(waiting)) % RING]
        table.said_read[0] = at + waiting
        table.said_missing[0] += (self.samples - waiting) if at else 0
        self.sent.append(frame)

    def _give(self, frame: Column[np.int16]) -> None:
        table = self.end.rings
        at = int(table.heard_written[0])
        table.heard[0, (at + np.arange(len(frame))) % RING] = frame
        table.heard_written[0] = at + len(frame)
