from hypothesis import given
from hypothesis import strategies as st

from signaling.entropy import Entropy


@given(st.binary(min_size=16, max_size=64))
def test_the_same_bytes_draw_the_same_tokens(drawn: bytes) -> None:
    one, two = Entropy(drawn), Entropy(drawn)
    assert [one.token(n) for n in (4, 8, 16)] == [two.token(n) for n in (4, 8, 16)]
    assert one.number(62) == two.number(62)


def test_draws_differ_from_each_other_and_between_inputs() -> None:
    one, two = Entropy(b"a" * 32), Entropy(b"b" * 32)
    assert len({one.token() for _ in range(1000)} | {two.token() for _ in range(1000)}) == 2000


@given(st.binary(min_size=16, max_size=64), st.integers(1, 64))
def test_numbers_stay_within_their_bits(drawn: bytes, bits: int) -> None:
    assert 0 < Entropy(drawn).number(bits) < 2**bits
    assert 0 <= Entropy(drawn).fraction() < 1
