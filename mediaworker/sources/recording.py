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
FRAME: Final = 2 * CHANNELS  # bytes
LARGEST: Final = 0xFFFF_FFFF - HEADER.size


def header(size: int) -> bytes:
    """Return the 44 bytes before ``size`` bytes of stereo int16 samples at 8 kHz."""
    form = (b"fmt ", 16, 1, CHANNELS, RATE, RATE * FRAME, FRAME, 16)
    return HEADER.pack(b"RIFF", HEADER.size - 8 + size, b"WAVE", *form, b"data", size)


class Recording:
    """An open recording, left the caller and right the callee."""

    def __init__(self, path: Path, *, go_on: bool = False) -> None:
        """Begin a file, or ``go_on`` in the one that is there.

        Raises BadSourceError, which says why it cannot be.
        """
        self.path = path
        try:
            self.file = path.open("r+b" if go_on else "wb", buffering=0)
        except OSError as error:
            raise BadSourceError(f"cannot record into {path}: {error.strerror}") from None
        try:
            self.size = max(0, path.stat().st_size - HEADER.size) // FRAME * FRAME
            self._write(header(self.size), 0)
        except OSError as error:
            self.file.close()
            raise BadSourceError(f"cannot record into {path}: {error.strerror}") from None

    def append(self, samples: Column[np.int16]) -> None:
        """Write frames, an array of shape (n, 2).  Past 4 GiB they are dropped.

        Raises OSError when the disk is full; the file stays as it was after the last append.
        """
        content = np.ascontiguousarray(samples, "<i2").tobytes()
        if self.size + len(content) > LARGEST:
            return
        self._write(content, HEADER.size + self.size)
        self.size += len(content)
        self._write(header(self.size), 0)

    def close(self) -> None:
        """Let go of the file, which is whole already."""
        self.file.close()

    def _write(self, content: bytes, position: int) -> None:
        self.file.seek(position)
        while content:
            content = content[self.file.write(content) :]
