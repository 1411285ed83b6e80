"""PortAudio, reached through ``sounddevice``: what there is, and a device that is open.

It is imported when it is needed: without libportaudio2 that fails.  Streams are read and written
without waiting and without a callback, as much as is there at the time.
"""

import importlib
import os
from typing import Any, Final, Protocol

import numpy as np

from bus.columns import Column
from bus.devices import DeviceError, DeviceInfo, choose

RATE: Final = 48000
"""Hz, that is asked for first: most cards and sound servers run at it."""
LATENCY: Final = 0.04
"""Seconds of buffer in the device."""
BLOCK: Final = 0.01


class Card(Protocol):
    """A device that is open in one direction.  Methods raise DeviceError when it is gone."""

    @property
    def name(self) -> str:
        """How it is called."""
        ...

    @property
    def rate(self) -> int:
        """Samples a second."""
        ...

    @property
    def size(self) -> int:
        """Samples that an output has room for when it is empty."""
        ...

    def available(self) -> int:
        """Return how many samples can be read, or written."""
        ...

    def read(self) -> Column[np.int16]:
        """Return what can be read."""
        ...

    def write(self, samples: Column[np.int16]) -> int:
        """Play samples, as many as there is room for; return how many."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def portaudio() -> Any:
    """Return the module ``sounddevice``.  Raises DeviceError."""
    os.environ.setdefault("PULSE_LATENCY_MSEC", "20")
    try:
        return importlib.import_module("sounddevice")
    except ImportError as error:
        raise DeviceError(f"sounddevice is not installed: {error}") from None
    except OSError as error:
        raise DeviceError(
            f"PortAudio is missing: {error} (on Debian: apt-get install libportaudio2)"
        ) from None


def look_again() -> None:
    """Let PortAudio find devices that came; all that is open must be closed."""
    sound = portaudio()
    try:
        sound._terminate()
        sound._initialize()
    except sound.PortAudioError as error:
        raise DeviceError(f"PortAudio does not start: {error}") from None


def listed() -> tuple[DeviceInfo, ...]:
    """Return all devices.  Raises DeviceError."""
    sound = portaudio()
    try:
        found, (default_input, default_output) = sound.query_devices(), sound.default.device
    except sound.PortAudioError as error:
        raise DeviceError(f"PortAudio does not tell its devices: {error}") from None
    return tuple(
        DeviceInfo(
            index=index,
            name=str(each["name"]),
            inputs=int(each["max_input_channels"]),
            outputs=int(each["max_output_channels"]),
            rate=float(each["default_samplerate"]),
            is_default_input=index == default_input,
            is_default_output=index == default_output,
        )
        for index, each in enumerate(found)
    )


def open_card(wanted: str, *, output: bool, afresh: bool = False) -> Card:
    """Open a device; ``afresh``: also one that came lately.  Raises DeviceError."""
    if afresh:
        look_again()
    info = choose(listed(), wanted, output=output)
    sound = portaudio()
    problem = ""
    for rate in dict.fromkeys((RATE, round(info.rate))):
        for channels in (1, 2):
            try:
                return _Open(sound, info, rate, channels, output=output)
            except sound.PortAudioError as error:
                problem = str(error)
    raise DeviceError(f"{info.name} does not open: {problem}")


class _Open:
    """A stream of PortAudio."""

    def __init__(
        self, sound: Any, info: DeviceInfo, rate: int, channels: int, *, output: bool
    ) -> None:
        self.name, self.rate, self.channels, self.output = info.name, rate, channels, output
        self._error = sound.PortAudioError
        kind = sound.OutputStream if output else sound.InputStream
        self._stream = kind(
            device=info.index,
            samplerate=rate,
            channels=channels,
            dtype="int16",
            blocksize=round(BLOCK * rate),
            latency=LATENCY,
        )
        try:
            self._stream.start()
            self.size = int(self._stream.write_available) if output else 0
        except self._error:
            self._stream.close()
            raise

    def available(self) -> int:
        try:
            if not self.output:
                return int(self._stream.read_available)
            room = int(self._stream.write_available)
        except self._error as error:
            raise DeviceError(f"{self.name}: {error}") from None
        self.size = max(self.size, room)
        return room

    def read(self) -> Column[np.int16]:
        try:
            block, _ = self._stream.read(self._stream.read_available)
        except self._error as error:
            raise DeviceError(f"{self.name}: {error}") from None
        heard: Column[np.int16] = block.mean(axis=1).astype(np.int16)
        return heard if self.channels > 1 else block[:, 0]

    def write(self, samples: Column[np.int16]) -> int:
        try:
            taken = min(len(samples), int(self._stream.write_available))
            if taken:
                block = np.repeat(samples[:taken, np.newaxis], self.channels, axis=1)
                self._stream.write(np.ascontiguousarray(block))
        except self._error as error:
            raise DeviceError(f"{self.name}: {error}") from None
        return taken

    def close(self) -> None:
        try:
            self._stream.abort()
            self._stream.close()
        except self._error:
            pass  # it is gone
