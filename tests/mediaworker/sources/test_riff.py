"""What is wrong with a file is said, and its name."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.errors import BadSourceError
from mediaworker.sources.riff import UNKNOWN_SIZE, Encoding, Form, check_regular, read_form

FRAMES = struct.pack("<8h", *range(8))


def chunk(name: bytes, body: bytes, said: int | None = None) -> bytes:
    size = len(body) if said is None else said
    return name + struct.pack("<I", size) + body + b"\0" * (len(body) % 2)


def form(tag: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16) -> bytes:
    frame = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits))


def riff(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def read(path: Path, content: bytes) -> Form:
    path.write_bytes(content)
    with path.open("rb") as file:
        return read_form(file, path)


def test_plain(tmp_path: Path) -> None:
    found = read(tmp_path / "a.wav", riff(form(), chunk(b"data", FRAMES)))
    assert found == Form(Encoding.SIGNED_16, 1, 8000, 2, 44, 8)


def test_other_chunks_are_skipped_and_padded(tmp_path: Path) -> None:
    list_chunk = chunk(b"LIST", b"abc")
    content = riff(list_chunk, form(channels=2), list_chunk, chunk(b"data", FRAMES), list_chunk)
    found = read(tmp_path / "a.wav", content)
    assert (found.channels, found.frames) == (2, 4)
    assert content[found.offset : found.offset + len(FRAMES)] == FRAMES


def test_extensible(tmp_path: Path) -> None:
    tail = bytes.fromhex("0000 1000 8000 00aa 0038 9b71")
    head = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 48000, 96000, 2, 16, 22, 16, 4)
    guid = struct.pack("<I", 1) + tail
    found = read(tmp_path / "a.wav", riff(chunk(b"fmt ", head + guid), chunk(b"data", FRAMES)))
    assert (found.encoding, found.rate) == (Encoding.SIGNED_16, 48000)
    odd = struct.pack("<I", 1) + bytes(12)
    with pytest.raises(BadSourceError, match="extensible format of an unknown kind"):
        read(tmp_path / "b.wav", riff(chunk(b"fmt ", head + odd), chunk(b"data", FRAMES)))


@pytest.mark.parametrize("said", [UNKNOWN_SIZE, 0xFFFFFFFF])
def test_a_file_from_a_pipe_reaches_to_its_end(tmp_path: Path, said: int) -> None:
    found = read(tmp_path / "a.wav", riff(form(), chunk(b"data", FRAMES, said)))
    assert found.frames == 8


WRONG: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "text": (b"hello, I am no sound at all", "is not a WAV file .27 bytes, begins with b'hell'"),
    "short": (b"RIFF", "is not a WAV file"),
    "big-endian": (b"RIFX" + bytes(40), "RIFX files are not supported"),
    "no format": (riff(chunk(b"data", FRAMES)), "data chunk comes before any fmt chunk"),
    "no data": (riff(form()), "truncated: it ends before its data chunk"),
    "nothing": (riff(), "truncated: it ends before its fmt chunk"),
    "data lies": (riff(form(), chunk(b"data", FRAMES, 999)), "says 999 bytes, 16 are left"),
    "chunk lies": (riff(form(), chunk(b"LIST", b"ab", 999)), "truncated: chunk b'LIST' says 999"),
    "no frames": (riff(form(), chunk(b"data", b"")), "data chunk is empty"),
    "half a frame": (riff(form(), chunk(b"data", b"x")), "holds not one whole frame"),
    "short format": (riff(chunk(b"fmt ", b"ab"), chunk(b"data", FRAMES)), "has 2 bytes, not"),
    "format tag": (riff(form(tag=85), chunk(b"data", FRAMES)), "format tag 85 with 16 bits"),
    "bits": (riff(form(bits=12), chunk(b"data", FRAMES)), "format tag 1 with 12 bits"),
    "channels": (riff(form(channels=0), chunk(b"data", FRAMES)), "0 channels"),
    "rate": (riff(form(rate=0), chunk(b"data", FRAMES)), "a sample rate of 0 Hz"),
    "frame size": (
        riff(form().replace(b"\2\0\x10\0", b"\3\0\x10\0"), chunk(b"data", FRAMES)),
        "contradicts itself: 1 channels of 16 bits are not 3 bytes",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(tmp_path: Path, name: str) -> None:
    content, says = WRONG[name]
    with pytest.raises(BadSourceError, match=says) as error:
        read(tmp_path / "bad.wav", content)
    assert str(tmp_path / "bad.wav") in error.value.reason


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_only_regular_files(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "odd")
    with pytest.raises(BadSourceError, match="odd is not a regular file"):
        check_regular(tmp_path / "odd")
