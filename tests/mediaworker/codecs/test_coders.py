import numpy as np

from mediaworker.codecs.codec import Codec
from mediaworker.codecs.coders import Coders


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


def test_a_codec_without_memory_needs_none() -> None:
    coders = Coders()
    coders.open(3, Codec.G722, "")
    coders.open(3, Codec.PCMU, "")
    assert not coders.made


def test_a_decoder_for_each_row_and_codec_when_needed() -> None:
    coders = Coders()
    one, other = coders.decoder(1, Codec.G722), coders.decoder(2, Codec.G722)
    assert one is coders.decoder(1, Codec.G722)
    assert one is not other
    assert coders.decoder(1, Codec.OPUS).decode(b"\x08" + bytes(20)).dtype == np.int16


def test_a_closed_row_has_none_any_more() -> None:
    coders = Coders()
    for row in (1, 2):
        coders.open(row, Codec.G722, "")
        coders.decoder(row, Codec.G722)
    coders.close(1)
    coders.close(7)
    assert list(coders.made) == [2]
    assert list(coders.decoders) == [(2, Codec.G722)]
