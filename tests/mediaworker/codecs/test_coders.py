import numpy as np
import pytest

from bus.columns import Column
from mediaworker.codecs.codec import Codec
from mediaworker.codecs.coders import Coders
from mediaworker.codecs.formats import FORMATS
from tests.mediaworker.codecs.sounds import likeness, pieces


def test_an_encoder_stays_as_long_as_nothing_changes() -> None:
    coders = Coders()
    coders.open(3, Codec.G722, "")
    first = coders.encoder(3)
    coders.open(3, Codec.G722, "")
    assert coders.encoder(3) is first
    coders.open(3, Codec.OPUS, "")
    wide = coders.encoder(3)
    coders.open(3, Codec.OPUS, "cbr=1")
    assert coders.encoder(3) is not wide


def test_losses_are_prepared_for_where_there_is_something_to_prepare() -> None:
    coders = Coders()
    coders.expect_loss(3, 40)  # PCMU
    sizes = list[int]()
    for percent in (0, 40):
        coders.open(3, Codec.OPUS, f"useinbandfec=1;x={percent}")
        coders.expect_loss(3, percent)
        sound = np.random.default_rng(3).normal(0, 3000, 16000).astype(np.int16)
        sizes.append(sum(len(coders.encoder(3).encode(each)) for each in pieces(sound, 320)))
    assert sizes[0] != sizes[1]
    coders.open(3, Codec.G722, "")
    coders.expect_loss(3, 40)


def test_a_codec_without_memory_needs_none() -> None:
    coders = Coders()
    coders.open(3, Codec.G722, "")
    coders.open(3, Codec.PCMU, "")
    assert not coders.made


def test_a_decoder_for_each_row_and_codec_when_needed() -> None:
    coders = Coders()
    one, other = coders.decoder(1, Codec.G722, 2), coders.decoder(2, Codec.G722, 2)
    assert one is coders.decoder(1, Codec.G722, 2)
    assert one is not other
    assert coders.decoder(1, Codec.OPUS, 2).decode(b"\x08" + bytes(20)).dtype == np.int16


def test_a_closed_row_has_none_any_more() -> None:
    coders = Coders()
    for row in (1, 2):
        coders.open(row, Codec.G722, "")
        coders.decoder(row, Codec.G722, 2)
    coders.close(1)
    coders.close(7)
    assert list(coders.made) == [2]
    assert list(coders.decoders) == [(2, Codec.G722, 2)]


@pytest.mark.parametrize("codec", [Codec.PCMA, Codec.L16_WIDE, Codec.G722])
@pytest.mark.parametrize("scale", [1, 2])
def test_any_codec_at_the_sample_rate_of_the_row(codec: Codec, scale: int) -> None:
    form, coders, rate = FORMATS[codec], Coders(), 8000 * scale
    sound = sine(8000 * form.scale)
    if form.coding is None:
        coders.open(1, codec, "")
        payloads = [coders.encoder(1).encode(each) for each in pieces(sound, 160 * form.scale)]
    else:
        frames = sound.reshape(-1, 160 * form.scale)
        payloads = [payload.tobytes() for payload in form.coding.encode(frames)]
    decoder = coders.decoder(1, codec, scale)
    heard = np.concatenate([decoder.decode(payload) for payload in payloads])
    assert coders.samples(codec, payloads[0], scale) == 160 * scale
    assert likeness(sine(rate), heard, 60)[0] > 0.998
    level = (
        np.square(heard[rate // 10 :].astype(float)).mean()
        / np.square(sine(rate).astype(float)).mean()
    )
    assert 10 * np.log10(level) == pytest.approx(0, abs=0.5)


def sine(rate: int) -> Column[np.int16]:
    turns = np.arange(rate // 2) * 700 / rate
    return np.asarray(np.rint(9000 * np.sin(2 * np.pi * turns)), np.int16)
