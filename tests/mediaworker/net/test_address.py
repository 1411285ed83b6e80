import numpy as np
import pytest

from bus.errors import BadRequestError
from mediaworker.net.address import Sources, target_of, words_of


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.255", "::1", "2001:db8::7:0"])
def test_words_stand_for_an_address(host: str) -> None:
    assert target_of(words_of(host, 65535)) == (host, 65535)


def test_an_ipv4_address_is_the_same_when_mapped() -> None:
    assert words_of("::ffff:192.0.2.1", 9) == words_of("192.0.2.1", 9)


def test_words_differ_where_addresses_do() -> None:
    places = [("192.0.2.1", 1), ("192.0.2.1", 2), ("192.0.2.2", 1), ("::1", 1), ("::1", 256)]
    assert len({words_of(host, port) for host, port in places}) == len(places)


@pytest.mark.parametrize("host", ["localhost", "", "1.2.3", "::g", "127.0.0.1 "])
def test_a_name_is_no_address(host: str) -> None:
    with pytest.raises(BadRequestError, match="neither an IPv4 nor"):
        words_of(host, 1)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_ports_that_nobody_has(port: int) -> None:
    with pytest.raises(BadRequestError, match="port"):
        words_of("127.0.0.1", port)


def test_sources_are_words_in_a_row() -> None:
    sources = Sources()
    joined = sources[("192.0.2.1", 5)] + sources[("::1", 6, 0, 0)]
    words = np.frombuffer(joined, np.uint64).reshape(2, 3).tolist()
    assert words == [list(words_of("192.0.2.1", 5)), list(words_of("::1", 6))]


def test_sources_do_not_grow_without_end() -> None:
    sources = Sources()
    for number in range(2 * Sources.most):
        sources[(f"10.0.{number >> 8}.{number & 255}", 1 + number % 60000)]
    assert len(sources) <= Sources.most
