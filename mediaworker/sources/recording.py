"""Writing a recording: a WAV file that is whole after every append.

The header is written again behind each append, after the samples it speaks of; a process that is
killed leaves a file that any program reads.
"""

import struct
from pathlib import Path
from typing import Final

import numpy as np

from bus.columns import Column
from bus.errors import BadSourceError

HEADER: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
RATE: Final = 8000
CHANNELS: Final = 2
LARGEST: Final = 0xFFFF_FFFF - HEADER.size


def header(size: int, rate: int = RATE, channels: int = CHANNELS) -> bytes:
    """Return the 44 bytes before ``size`` bytes of int16 samples."""
    frame = 2 * channels
    form = (b"fmt ", 16, 1, channels, rate, rate * frame, frame, 16)
    return HEADER.pack(b"RIFF", HEADER.size - 8 + size, b"WAVE", *form, b"data", size)


class Recording:
    """An open recording, left the caller and right the callee, or both in one channel."""

    def __init__(self, path: Path, *, go_on: bool = False, channels: int = CHANNELS) -> None:
        """Begin a file, or ``go_on`` in the one that is there.

        Raises BadSourceError, which says why it cannot be.
        """
        self.path, self.rate, self.channels = path, RATE, channels
        frame = 2 * channels
        try:
            self.file = path.open("r+b" if go_on else "wb", buffering=0)
        except OSError as error:
            raise BadSourceError(f"cannot record into {path}: {error.strerror}") from None
        try:
            self.size = max(0, path.stat().st_size - HEADER.size) // frame * frame
            if self.size:
                self.rate = int.from_bytes(path.read_bytes()[24:28], "little")
            self._write(self._header(), 0)
        except OSError as error:
            self.file.close()
            raise BadSourceError(f"cannot record into {path}: {error.strerror}") from None

    def append(self, samples: Column[np.int16]) -> None:
        """Write frames, an array of shape (n, channels).  Past 4 GiB they are dropped.

        Raises OSError when the disk is full; the file stays as it was after the last append.
        """
        content = np.ascontiguousarray(samples, "<i2").tobytes()
        if self.size + len(content) > LARGEST:
            return
        self._write(content, HEADER.size + self.size)
        self.size += len(content)
        self._write(self._header(), 0)

    def widen(self) -> None:
        """Go on at 16 kHz, as if it had been so from the beginning.  Raises OSError."""
        sound = np.fromfile(self.path, "<i2", offset=HEADER.size)
        frames = sound[: self.size // 2].reshape(-1, self.channels)
        self.rate, self.size = 2 * RATE, 0
        self._write(self._header(), 0)
        self.append(frames.repeat(2, axis=0))

    def close(self) -> None:
        """Let go of the file, which is whole already."""
        self.file.close()

    def _header(self) -> bytes:
        return header(self.size, self.rate, self.channels)

    def _write(self, content: bytes, position: int) -> None:
        self.file.seek(position)
        while content:
            content = content[self.file.write(content) :]
