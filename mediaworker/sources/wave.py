"""A sound file as int16 samples at 8 kHz mono, converted piece by piece.

Reading in pieces of a second bounds the memory and lets whoever converts do something else between
two of them.  A file that is 16 bit, mono and 8 kHz already comes out sample for sample.
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

Float = Column[np.float32]
"""Samples in the scale of int16."""


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
        self.resampler = None if self.form.rate == RATE else Resampler(self.form.rate)
        self.samples = self._samples()

    def close(self) -> None:
        """Let go of a file that is not to be converted after all."""
        self.file.close()

    def pieces(self) -> Generator[Column[np.int16]]:
        """Yield the samples, a second at a time, and close.  Raises BadSourceError."""
        with self.file:
            for first in range(0, self.samples, PIECE):
                count = min(PIECE, self.samples - first)
                yield np.rint(np.clip(self._piece(first, count), -32768, 32767)).astype(np.int16)

    def _samples(self) -> int:
        frames = self.form.frames
        return frames if self.resampler is None else self.resampler.output_length(frames)

    def _piece(self, first: int, count: int) -> Float:
        if self.resampler is None:
            return self._mono(first, count)
        return self.resampler.convert(self._mono(*self.resampler.span(first, count)), first, count)

    def _mono(self, first: int, count: int) -> Float:
        """Read frames, mixed down; those before the beginning and past the end are silence."""
        form, mono = self.form, np.zeros(count, np.float32)
        begin, end = max(first, 0), min(first + count, form.frames)
        self.file.seek(form.offset + begin * form.frame_bytes)
        raw = self.file.read((end - begin) * form.frame_bytes)
        if len(raw) < (end - begin) * form.frame_bytes:
            raise BadSourceError(f"{self.path} became shorter while it was read")
        decoded = DECODE[form.encoding](raw).reshape(-1, form.channels)
        mono[begin - first : end - first] = decoded.mean(axis=1, dtype=np.float32)
        return mono


def read_wave(path: Path) -> Column[np.int16]:
    """Convert a whole file at once.  Raises BadSourceError."""
    return np.concatenate(list(WaveFile(path).pieces()))
