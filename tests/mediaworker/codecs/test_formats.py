import pytest

from mediaworker.codecs.codec import Codec
from mediaworker.codecs.formats import FORMATS, available, find, spelt
from mediaworker.streams import HEADER, PACKET


@pytest.mark.parametrize("codec", available())
def test_each_codec_is_found_by_its_name(codec: Codec) -> None:
    each = FORMATS[codec]
    assert find(each.name.lower(), each.clock) is codec
    assert find(each.name, each.clock + 1) is None


@pytest.mark.parametrize("codec", Codec)
def test_each_has_a_way_to_be_coded(codec: Codec) -> None:
    each = FORMATS[codec]
    assert (each.coding is None) != (each.coders is None)
    assert each.clock % 200 == 0
    assert each.scale in (1, 2)


def test_two_of_a_name_differ_by_their_clocks() -> None:
    assert spelt(Codec.L16) == "L16/8000"
    assert spelt(Codec.L16_WIDE) == "L16/16000"
    assert find("l16", 16000) is Codec.L16_WIDE


def test_what_needs_no_library_is_always_there() -> None:
    assert {Codec.PCMU, Codec.PCMA, Codec.L16, Codec.L16_WIDE} <= set(available())
    assert {Codec.G722, Codec.OPUS} <= set(available())  # they come with the package


@pytest.mark.parametrize("codec", Codec)
def test_each_packet_fits_into_a_datagram(codec: Codec) -> None:
    each = FORMATS[codec]
    assert 20 in each.packet_times
    if each.coding is not None:
        longest = each.packet_times[-1] * 8 * each.scale * each.sample_bytes
        assert HEADER + longest <= PACKET
