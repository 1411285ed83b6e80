"""A sound file as int16 samples at 8 and at 16 kHz mono, converted piece by piece.

Reading in pieces of a second bounds the memory and lets whoever converts do something else between
two of them.  A file that is 16 bit, mono and 8 or 16 kHz already comes out sample for sample.
"""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

import numpy as np

from bus.columns import Column
from bus.errors import BadSourceError
from mediaworker.codecs.g711 import expand_alaw, expand_ulaw
from mediaworker.sources.resample import RATE, Resampler
from mediaworker.sources.riff import Encoding, check_regular, read_form

PIECE: Final = RATE
WIDE: Final = 2
"""Samples at 16 kHz to one."""

Float = Column[np.float32]
"""Samples in the scale of int16."""
Pair = tuple[Column[np.int16], Column[np.int16]]
"""The same at 8 and at 16 kHz."""


def _signed_24(raw: bytes) -> Float:
    low, middle, high = np.frombuffer(raw, np.uint8).reshape(-1, 3).T.astype(np.int32)
    return np.asarray(((high << 24) | (middle << 16) | (low << 8)) / 65536, np.float32)


def _float(raw: bytes, dtype: str) -> Float:
    samples = np.frombuffer(raw, dtype) * 32768.0
    return np.nan_to_num(samples, nan=0.0, posinf=32767.0, neginf=-32768.0).astype(np.float32)


DECODE: Final[dict[Encoding, Callable[[bytes], Float]]] = {
    Encoding.UNSIGNED_8: lambda raw: (np.frombuffer(raw, np.uint8).astype(np.float32) - 128) * 256,
    Encoding.SIGNED_16: lambda raw: np.frombuffer(raw, "<i2").astype(np.float32),
    Encoding.SIGNED_24: _signed_24,
    Encoding.SIGNED_32: lambda raw: (np.frombuffer(raw, "<i4") / 65536).astype(np.float32),
    Encoding.FLOAT_32: lambda raw: _float(raw, "<f4"),
    Encoding.FLOAT_64: lambda raw: _float(raw, "<f8"),
    Encoding.ALAW: lambda raw: expand_alaw(np.frombuffer(raw, np.uint8)).astype(np.float32),
    Encoding.ULAW: lambda raw: expand_ulaw(np.frombuffer(raw, np.uint8)).astype(np.float32),
}


class WaveFile:
    """A WAV file under conversion."""

    def __init__(self, path: Path) -> None:
        """Look at the outside of the file.  Raises BadSourceError."""
        self.path = path
        try:
            check_regular(path)
            self.file = path.open("rb")
        except OSError as error:
            raise BadSourceError(f"cannot read {path}: {error.strerror}") from None
        try:
            self.form = read_form(self.file, path)
        except BaseException:
            self.file.close()
            raise
        self.narrow = self._resampler(RATE)
        self.wide = self._resampler(WIDE * RATE)
        self.samples = self._samples()

    def close(self) -> None:
        """Let go of a file that is not to be converted after all."""
        self.file.close()

    def pieces(self) -> Generator[Pair]:
        """Yield the samples, a second at a time, and close.  Raises BadSourceError."""
        with self.file:
            for first in range(0, self.samples, PIECE):
                count = min(PIECE, self.samples - first)
                narrow = self._piece(self.narrow, first, count)
                yield narrow, self._piece(self.wide, WIDE * first, WIDE * count)

    def _resampler(self, target: int) -> Resampler | None:
        return None if self.form.rate == target else Resampler(self.form.rate, target)

    def _samples(self) -> int:
        """Return how many there are at 8 kHz; of the others there are twice as many."""
        frames = self.form.frames
        return frames if self.narrow is None else self.narrow.output_length(frames)

    def _piece(self, way: Resampler | None, first: int, count: int) -> Column[np.int16]:
        if way is None:
            piece = self._mono(first, count)
        else:
            piece = way.convert(self._mono(*way.span(first, count)), first, count)
        return np.rint(np.clip(piece, -32768, 32767)).astype(np.int16)

    def _mono(self, first: int, count: int) -> Float:
        """Read frames, mixed down; those before the beginning and past the end are silence."""
        form, mono = self.form, np.zeros(count, np.float32)
        begin = min(max(first, 0), form.frames)
        end = max(begin, min(first + count, form.frames))
        self.file.seek(form.offset + begin * form.frame_bytes)
        raw = self.file.read((end - begin) * form.frame_bytes)
        if len(raw) < (end - begin) * form.frame_bytes:
            raise BadSourceError(f"{self.path} became shorter while it was read")
        decoded = DECODE[form.encoding](raw).reshape(-1, form.channels)
        mono[begin - first : end - first] = decoded.mean(axis=1, dtype=np.float32)
        return mono


def read_wave(path: Path) -> Column[np.int16]:
    """Convert a whole file at once, to 8 kHz.  Raises BadSourceError."""
    return np.concatenate([narrow for narrow, _ in WaveFile(path).pieces()])
