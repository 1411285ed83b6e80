"""The outside of a WAV file: its chunks, and whether they tell the truth.

A file is a tree of chunks, each ``id(4) size(4) body(size)`` and padded to an even length:

    "RIFF" size "WAVE"
        "fmt " size  tag channels rate bytes-per-second frame-bytes bits [extension]
        "data" size  frames ...
        anything else, skipped

Everything wrong is a ``BadSourceError`` that names the file and says what is wrong with it.
"""

import stat
import struct
from enum import Enum
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from bus.errors import BadSourceError

CHUNK: Final = struct.Struct("<4sI")
FORMAT: Final = struct.Struct("<HHIIHH")
EXTENSIBLE: Final = 0xFFFE
GUID_TAIL: Final = bytes.fromhex("0000 1000 8000 00aa 0038 9b71")
"""Of the sub-formats that are an old format tag in new clothes (RFC 2361)."""
UNKNOWN_SIZE: Final = 0x7FFFF000
"""Programs that write into a pipe put this (SoX) or 2^32-1 (FFmpeg): up to the end of the file."""
MAX_CHANNELS: Final = 64
RATES: Final = range(1000, 768_001)


class Encoding(Enum):
    """Format tag and bits of a sample."""

    UNSIGNED_8 = (1, 8)
    SIGNED_16 = (1, 16)
    SIGNED_24 = (1, 24)
    SIGNED_32 = (1, 32)
    FLOAT_32 = (3, 32)
    FLOAT_64 = (3, 64)
    ALAW = (6, 8)
    ULAW = (7, 8)


class Form(NamedTuple):
    """What the frames of a file look like and where they lie."""

    encoding: Encoding
    channels: int
    rate: int
    frame_bytes: int
    offset: int
    """Of the first frame, in bytes from the start of the file."""
    frames: int


def check_regular(path: Path) -> None:
    """Raise BadSourceError for a folder, and for a pipe, which would keep us waiting."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise BadSourceError(f"{path} is not a regular file")


def read_form(file: BinaryIO, path: Path) -> Form:
    """Find the format and the frames.  Raises BadSourceError."""
    size = path.stat().st_size
    if size == 0:
        raise BadSourceError(f"{path} is empty")
    head = file.read(12)
    if head[:4] in (b"RIFX", b"RF64"):
        raise BadSourceError(f"{path}: {head[:4].decode()} files are not supported, only RIFF")
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise BadSourceError(f"{path} is not a WAV file ({_first_bytes(head, size)})")
    body = b""
    while True:
        name, length, offset = _next_chunk(file, path, has_format=bool(body))
        if name == b"data":
            return _form(path, body, offset, _frames_bytes(path, length, size - offset))
        if length > size - offset:
            text = (
                f"{path} is truncated: chunk {name!r} says {length} bytes, {size - offset} are left"
            )
            raise BadSourceError(text)
        if name == b"fmt ":
            body = file.read(length)
        file.seek(offset + length + length % 2)


def _first_bytes(head: bytes, size: int) -> str:
    return f"{size} bytes, begins with {head[:4]!r}"


def _next_chunk(file: BinaryIO, path: Path, *, has_format: bool) -> tuple[bytes, int, int]:
    head = file.read(CHUNK.size)
    if len(head) < CHUNK.size:
        missing = "data" if has_format else "fmt"
        raise BadSourceError(f"{path} is truncated: it ends before its {missing} chunk")
    name, length = CHUNK.unpack(head)
    if name == b"data" and not has_format:
        raise BadSourceError(f"{path}: its data chunk comes before any fmt chunk")
    return name, length, file.tell()


def _frames_bytes(path: Path, said: int, left: int) -> int:
    if said >= UNKNOWN_SIZE:
        return left
    if said > left:
        text = f"{path} is truncated: its data chunk says {said} bytes, {left} are left"
        raise BadSourceError(text)
    if said == 0:
        raise BadSourceError(f"{path}: its data chunk is empty ({left} bytes follow it)")
    return said


def _form(path: Path, body: bytes, offset: int, size: int) -> Form:
    if len(body) < FORMAT.size:
        raise BadSourceError(f"{path}: its fmt chunk has {len(body)} bytes, not at least 16")
    tag, channels, rate, _, frame_bytes, bits = FORMAT.unpack_from(body)
    encoding = _encoding(path, _real_tag(path, tag, body), bits)
    if not 1 <= channels <= MAX_CHANNELS:
        raise BadSourceError(f"{path}: {channels} channels")
    if rate not in RATES:
        raise BadSourceError(f"{path}: a sample rate of {rate} Hz")
    if frame_bytes != channels * bits // 8:
        text = f"{channels} channels of {bits} bits are not {frame_bytes} bytes"
        raise BadSourceError(f"{path}: its fmt chunk contradicts itself: {text}")
    if size < frame_bytes:
        raise BadSourceError(f"{path}: its data chunk holds not one whole frame")
    return Form(encoding, channels, rate, frame_bytes, offset, size // frame_bytes)


def _real_tag(path: Path, tag: int, body: bytes) -> int:
    if tag != EXTENSIBLE:
        return tag
    if len(body) < 40 or body[28:40] != GUID_TAIL:
        raise BadSourceError(f"{path}: an extensible format of an unknown kind")
    return int.from_bytes(body[24:28], "little")


def _encoding(path: Path, tag: int, bits: int) -> Encoding:
    try:
        return Encoding((tag, bits))
    except ValueError:
        raise BadSourceError(
            f"{path}: format tag {tag} with {bits} bits is not supported"
        ) from None
