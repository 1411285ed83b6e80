import numpy as np
import pytest

from bus.columns import Column
from mediaworker.codecs.codec import restored
from mediaworker.codecs.g711 import ALAW, ULAW, Law

LAWS = pytest.mark.parametrize("law", [ULAW, ALAW], ids=["ulaw", "alaw"])

SAMPLES = np.arange(-32768, 32768)


def expand_by_the_book(law: Law, code: int) -> int:
    """Tables 1a to 2b of G.711: segment n has 16 steps, each twice as large as those before it."""
    if law is ULAW:
        code = ~code & 255
        segment, step = code >> 4 & 7, code & 15
        value = (((33 + 2 * step) << segment) - 33) * 4  # 14 bits, seen as 16
        return -value if code & 128 else value
    code ^= 0x55
    segment, step = code >> 4 & 7, code & 15
    value = (2 * step + 1 if segment == 0 else (2 * step + 33) << (segment - 1)) * 8
    return value if code & 128 else -value


def table(law: Law) -> Column[np.int64]:
    return law.samples.astype(np.int64)


@LAWS
def test_every_code_expands_as_the_standard_says(law: Law) -> None:
    assert table(law).tolist() == [expand_by_the_book(law, code) for code in range(256)]


@LAWS
def test_every_sample_becomes_the_code_whose_interval_it_lies_in(law: Law) -> None:
    codes = law.encode(SAMPLES.astype(np.int16))
    segments = (~codes if law is ULAW else codes ^ 0x55).astype(np.int64) >> 4 & 7
    if law is ULAW:
        half, loudest = 4 * 2**segments, 32635
    else:
        half, loudest = 8 * 2 ** np.maximum(segments - 1, 0), 32767
    error = np.abs(table(law)[codes] - np.clip(SAMPLES, -loudest, loudest))
    assert (error <= half).all()


@LAWS
def test_codes_survive_the_round_trip(law: Law) -> None:
    samples = table(law).astype(np.int16)
    codes = law.encode(samples)
    assert (table(law)[codes] == samples).all()
    changed = np.flatnonzero(codes != np.arange(256))
    assert changed.tolist() == ([0x7F] if law is ULAW else [])  # minus zero


@LAWS
def test_louder_samples_have_louder_codes(law: Law) -> None:
    codes = law.encode(SAMPLES.astype(np.int16))
    assert (np.diff(table(law)[codes]) >= 0).all()


@LAWS
def test_the_ring_gets_what_was_meant(law: Law) -> None:
    codes = np.arange(256, dtype=np.uint8).reshape(2, 128)
    assert (restored(law.decode(codes)) == law.samples.reshape(2, 128)).all()


def test_known_codes() -> None:
    samples = np.array([0, 32767], np.int16)
    assert ULAW.encode(samples).tolist() == [0xFF, 0x80]
    assert ALAW.encode(samples).tolist() == [0xD5, 0xAA]
