import numpy as np
import pytest

from bus.columns import Column
from mediaworker.codecs.opus import Bandwidth, Control, Opus, controls
from tests.mediaworker.codecs.sounds import likeness, pieces, swept, vector

TWICE = swept(16000, 0.8)


def coded(parameters: str, sound: Column[np.int16] = TWICE, samples: int = 320) -> list[bytes]:
    encoder = Opus().encoder(parameters)
    return [encoder.encode(frame) for frame in pieces(sound, samples)]


def heard(payloads: list[bytes]) -> Column[np.int16]:
    decoder = Opus().decoder()
    return np.concatenate([decoder.decode(payload) for payload in payloads])


def rate(payloads: list[bytes]) -> float:
    return sum(map(len, payloads)) * 8 / 0.8


def test_decodes_as_ffmpeg_does() -> None:
    payloads, decoded = vector("opus")
    likest, late = likeness(decoded, heard(payloads), 20)
    assert likest > 0.99
    assert late == 0


def test_there_and_back() -> None:
    likest, late = likeness(TWICE, heard(coded("")))
    assert likest > 0.95
    assert late < 120  # 7.5 ms


@pytest.mark.parametrize("samples", [160, 320, 640, 960])
def test_packets_of_any_length(samples: int) -> None:
    payloads = coded("", np.resize(TWICE, 1920), samples)
    assert [Opus().samples(payload) for payload in payloads] == [samples] * (1920 // samples)
    assert len(heard(payloads)) == 1920


def test_the_peer_says_how_much_and_how_wide() -> None:
    assert rate(coded("")) == pytest.approx(24000, rel=0.3)
    assert rate(coded("maxaveragebitrate=10000")) == pytest.approx(10000, rel=0.3)
    assert len(set(map(len, coded("cbr=1")))) == 1
    assert len(set(map(len, coded("")))) > 5
    assert controls("maxplaybackrate=8000")[Control.MAX_BANDWIDTH] == Bandwidth.NARROW
    assert controls("maxplaybackrate=12000")[Control.MAX_BANDWIDTH] == Bandwidth.MEDIUM
    assert controls("maxplaybackrate=48000; stereo=1")[Control.MAX_BANDWIDTH] == Bandwidth.WIDE


def test_a_narrow_peer_gets_no_upper_half() -> None:
    narrow, wide = heard(coded("maxplaybackrate=8000")), heard(coded(""))
    high = [abs(np.fft.rfft(sound[-3200:]))[950:].mean() for sound in (narrow, wide)]
    assert high[0] < high[1] / 20


def test_nonsense_of_the_peer_is_bounded() -> None:
    for text in ("maxaveragebitrate=1", "maxaveragebitrate=-5", "maxaveragebitrate=999999999999"):
        assert 6000 <= controls(text)[Control.BITRATE] <= 24000
    assert controls("maxplaybackrate=x;;=;useinbandfec")[Control.INBAND_FEC] == 0


def test_what_was_lost_comes_back_with_the_next_packet() -> None:
    payloads = coded("useinbandfec=1;maxaveragebitrate=24000")
    whole, decoder = heard(payloads), Opus().decoder()
    plain = Opus().decoder()
    recovered, guessed = list[Column[np.int16]](), list[Column[np.int16]]()
    for place, payload in enumerate(payloads):
        if place % 8 == 5:
            recovered.append(decoder.recover(payloads[place + 1], 320))
            guessed.append(plain.conceal(320))
        else:
            recovered.append(decoder.decode(payload))
            guessed.append(plain.decode(payload))
    errors = [
        np.square(np.concatenate(each).astype(float) - whole).mean()
        for each in (recovered, guessed)
    ]
    assert errors[0] < errors[1] / 3


def test_a_pause_is_not_sent_if_the_peer_likes_that() -> None:
    silence = np.zeros(16000 * 2, np.int16)
    assert all(coded("", silence))
    assert coded("usedtx=1", silence).count(b"") > 80


def test_concealment_goes_on_and_fades() -> None:
    decoder = Opus().decoder()
    for payload in coded(""):
        decoder.decode(payload)
    loudness = [abs(decoder.conceal(320).astype(int)).mean() for _ in range(12)]
    assert loudness[0] > 1000
    assert loudness[-1] < loudness[0] / 10


def test_malformed_payloads_are_no_samples() -> None:
    codec, decoder = Opus(), Opus().decoder()
    for payload in (b"", b"\x03", b"\xff\xff", b"\x0b\x3f"):
        assert codec.samples(payload) == 0
    assert len(decoder.decode(b"")) == len(decoder.decode(b"\x0b\x3f")) == 0
    assert len(decoder.conceal(320)) == 320


def test_expected_loss_is_within_bounds() -> None:
    encoder = Opus().encoder("useinbandfec=1")
    for percent in (-1, 0, 50, 400):
        encoder.expect_loss(percent)
    assert encoder.encode(np.zeros(320, np.int16))
