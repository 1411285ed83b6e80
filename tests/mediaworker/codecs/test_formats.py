import pytest

from mediaworker.codecs.codec import Codec
from mediaworker.codecs.formats import FORMATS, find


@pytest.mark.parametrize("codec", Codec)
def test_each_codec_is_found_by_its_name(codec: Codec) -> None:
    each = FORMATS[codec]
    assert find(each.name.lower(), each.clock) is codec
    assert find(each.name, each.clock + 1) is None
    assert each.clock % 200 == 0
    assert each.scale in (1, 2)
