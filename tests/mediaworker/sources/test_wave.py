"""Any WAV file becomes int16 at 8 kHz mono."""

import struct
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bus.columns import Column
from bus.errors import BadSourceError
from mediaworker.codecs.g711 import expand_alaw, expand_ulaw
from mediaworker.sources.wave import WaveFile, read_wave

RNG = np.random.default_rng(7)


def write(path: Path, body: bytes, tag: int, channels: int, rate: int, bits: int) -> Path:
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits)
    content = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(body))
    path.write_bytes(b"RIFF" + struct.pack("<I", len(content) + len(body)) + content + body)
    return path


def test_8_khz_mono_16_bit_comes_out_as_it_is(tmp_path: Path) -> None:
    samples = RNG.integers(-32768, 32768, 20001).astype(np.int16)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    assert np.array_equal(read_wave(tmp_path / "a.wav"), samples)


SAMPLES = np.array([0, 256, -256, 32512, -32768, 12800], np.int16)


def packed_24(samples: Column[np.int16]) -> bytes:
    return b"".join(b"\0" + sample.tobytes() for sample in samples)


WIDTHS: dict[str, tuple[int, int, bytes]] = {
    "8": (1, 8, (SAMPLES // 256 + 128).astype(np.uint8).tobytes()),
    "16": (1, 16, SAMPLES.tobytes()),
    "24": (1, 24, packed_24(SAMPLES)),
    "32": (1, 32, (SAMPLES.astype(np.int32) * 65536).tobytes()),
    "float": (3, 32, (SAMPLES / np.float32(32768)).astype("<f4").tobytes()),
    "double": (3, 64, (SAMPLES / 32768).astype("<f8").tobytes()),
}


@pytest.mark.parametrize("name", WIDTHS)
def test_sample_widths(tmp_path: Path, name: str) -> None:
    tag, bits, body = WIDTHS[name]
    assert np.array_equal(read_wave(write(tmp_path / "a.wav", body, tag, 1, 8000, bits)), SAMPLES)


@pytest.mark.parametrize(("tag", "expand"), [(6, expand_alaw), (7, expand_ulaw)])
def test_g711(
    tmp_path: Path, tag: int, expand: Callable[[Column[np.uint8]], Column[np.int16]]
) -> None:
    path = write(tmp_path / "a.wav", bytes(range(256)), tag, 1, 8000, 8)
    assert np.array_equal(read_wave(path), expand(np.arange(256, dtype=np.uint8)))


def test_float_out_of_range_is_clipped(tmp_path: Path) -> None:
    body = np.array([2.0, -2.0, np.nan, np.inf, -np.inf], "<f4").tobytes()
    samples = read_wave(write(tmp_path / "a.wav", body, 3, 1, 8000, 32))
    assert samples.tolist() == [32767, -32768, 0, 32767, -32768]


@pytest.mark.parametrize("channels", [2, 3, 6])
def test_channels_are_mixed_down(tmp_path: Path, channels: int) -> None:
    frames = RNG.integers(-9000, 9000, (500, channels)).astype(np.int16)
    path = write(tmp_path / "a.wav", frames.tobytes(), 1, channels, 8000, 16)
    assert np.max(np.abs(read_wave(path) - frames.mean(axis=1))) <= 0.51


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_rates(tmp_path: Path, rate: int, channels: int) -> None:
    sound = 12000 * np.sin(2 * np.pi * 700 * np.arange(3 * rate) / rate)
    body = np.repeat(sound.astype("<i2"), channels).tobytes()
    samples = read_wave(write(tmp_path / "a.wav", body, 1, channels, rate, 16))
    wanted = 12000 * np.sin(2 * np.pi * 700 * np.arange(24000) / 8000)
    assert len(samples) == 24000
    assert np.max(np.abs(samples - wanted)[200:-200]) < 12


def test_no_aliases_of_a_sweep(tmp_path: Path) -> None:
    at = np.arange(2 * 48000) / 48000
    sound = 20000 * np.sin(2 * np.pi * (4005 * at + (20000 - 4005) / 4 * at**2))
    path = write(tmp_path / "a.wav", sound.astype("<i2").tobytes(), 1, 1, 48000, 16)
    left = read_wave(path).astype(np.float64)[200:-200]
    assert 20 * np.log10(np.sqrt(np.mean(left**2)) / (20000 / np.sqrt(2))) < -60


def test_a_file_that_shrinks_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", bytes(2 * 20000), 1, 1, 8000, 16)
    pieces = WaveFile(path).pieces()
    next(pieces)
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(BadSourceError, match=r"a\.wav became shorter"):
        list(pieces)


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSourceError, match=r"cannot read .*/none\.wav: No such file"):
        read_wave(tmp_path / "none.wav")
    with pytest.raises(BadSourceError, match="is not a regular file"):
        read_wave(tmp_path)
    (tmp_path / "text.wav").write_text("this is text")
    with pytest.raises(BadSourceError, match=r"text\.wav is not a WAV file"):
        read_wave(tmp_path / "text.wav")


def test_a_wide_file_is_there_with_all_it_has_and_without(tmp_path: Path) -> None:
    at = np.arange(32001) / 16000
    sound = np.rint(8000 * (np.sin(2 * np.pi * 1000 * at) + np.sin(2 * np.pi * 6000 * at)))
    samples = sound.astype(np.int16)
    path = write(tmp_path / "a.wav", samples.tobytes(), 1, 1, 16000, 16)
    narrow, wide = (np.concatenate(each) for each in zip(*WaveFile(path).pieces(), strict=True))
    assert len(wide) == 2 * len(narrow)
    assert np.array_equal(wide[: len(samples)], samples)
    expected = 8000 * np.sin(2 * np.pi * 1000 * np.arange(len(narrow)) / 8000)
    assert abs(narrow - expected)[200:-200].max() < 10
