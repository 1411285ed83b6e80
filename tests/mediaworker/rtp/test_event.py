from hypothesis import given
from hypothesis import strategies as st

from mediaworker.rtp.event import END, KEYS, VOLUME, Event, parse, word


def test_the_example_of_the_standard() -> None:
    """RFC 4733 section 5: 9 with duration 1760, its end, volume 7."""
    assert parse(bytes([9, 0x87, 0x06, 0xE0])) == Event(9, True, 7, 1760)


def test_keys_are_in_the_order_of_their_events() -> None:
    assert [KEYS.index(key) for key in "09*#AD"] == [0, 9, 10, 11, 12, 15]


@given(st.integers(0, 15), st.integers(0, 63), st.integers(0, 65535), st.booleans())
def test_what_is_written_is_read(code: int, volume: int, duration: int, end: bool) -> None:
    number = word(code, volume, duration) | (END if end else 0)
    assert parse(number.to_bytes(4)) == Event(code, end, volume, duration)


def test_too_short() -> None:
    assert parse(b"\1\2\3") is None


def test_volume_is_one() -> None:
    assert 0 <= VOLUME < 64
