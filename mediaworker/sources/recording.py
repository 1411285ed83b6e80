"""Writing a recording: a WAV file that is whole after every append.

The header is written again behind each append, after the samples it speaks of; a process that is
killed leaves a file that any program reads.
"""

import os
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


def header(size: int) -> bytes:
    """Return the 44 bytes before ``size`` bytes of stereo int16 samples at 8 kHz."""
    frame = 2 * CHANNELS
    form = (b"fmt ", 16, 1, CHANNELS, RATE, RATE * frame, frame, 16)
    return HEADER.pack(b"RIFF", HEADER.size - 8 + size, b"WAVE", *form, b"data", size)


class Recording:
    """An open recording, left the caller and right the callee."""

    def __init__(self, path: Path) -> None:
        """Create or overwrite the file.  Raises BadSourceError, which says why it cannot be."""
        self.path = path
        self.size = 0
        try:
            self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise BadSourceError(f"cannot record into {path}: {error.strerror}") from None
        os.pwrite(self.file, header(0), 0)

    def append(self, samples: Column[np.int16]) -> None:
        """Write frames, an array of shape (n, 2).  Past 4 GiB they are dropped.

        Raises OSError when the disk is full; the file stays as it was after the last append.
        """
        content = np.ascontiguousarray(samples, "<i2").tobytes()
        if self.size + len(content) > LARGEST:
            return
        position = HEADER.size + self.size
        while content:
            written = os.pwrite(self.file, content, position)
            position, content = position + written, content[written:]
        self.size = position - HEADER.size
        os.pwrite(self.file, header(self.size), 0)

    def close(self) -> None:
        """Let go of the file, which is whole already."""
        os.close(self.file)
