import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mediaworker.rtp.header import Headers, first_words, parse, payload_of
from mediaworker.streams import DATAGRAM, Streams


def parsed(*datagrams: bytes) -> Headers:
    streams = Streams.private(len(datagrams))
    for index, datagram in enumerate(datagrams):
        streams.datagrams[index, 0, : len(datagram)] = np.frombuffer(datagram, np.uint8)
    lengths = np.array([len(datagram) for datagram in datagrams])
    return parse(streams, np.arange(len(datagrams)), 0, lengths)


def rtp(first: int = 0x80, second: int = 0, body: bytes = b"payload", sequence: int = 7) -> bytes:
    return struct.pack(">BBHII", first, second, sequence, 0xFFFFFF00, 0xDEADBEEF) + body


def test_fields() -> None:
    headers = parsed(rtp(second=0x80 | 101, sequence=65535))
    assert headers.begins is None
    assert [field.tolist() for field in (*headers[1:6], headers.sizes)] == [
        [True],
        [101],
        [65535],
        [0xFFFFFF00],
        [0xDEADBEEF],
        [7],
    ]


def test_contributing_sources_extension_and_padding_are_no_payload() -> None:
    extension = b"\xbe\xde\0\2" + bytes(8)
    both = rtp(0x80 | 0x30 | 2, body=bytes(8) + extension + b"payload" + b"\0\0\3")
    headers = parsed(rtp(), both, rtp(0x82, body=bytes(8) + b"xy"))
    assert headers.valid.all()
    assert headers.begins is not None
    assert headers.begins.tolist() == [12, 12 + 8 + 12, 20]
    assert headers.sizes.tolist() == [7, 7, 2]


def test_what_is_no_rtp() -> None:
    headers = parsed(
        b"",
        b"\x80",
        b"garbage of more than twelve bytes",
        rtp(0x40),
        rtp(second=200),
        rtp(0xA0, body=b"padding of no bytes\0"),
        rtp(0xA0, body=b"more padding than bytes\xff"),
        rtp(0x8F, body=b"too few sources"),
        rtp(0x90, body=b"\0\0\xff\xff"),
        rtp(0x90, body=b"\0"),
        rtp(body=bytes(DATAGRAM - 12)),
    )
    assert headers.valid.tolist() == [False] * 11


@given(st.binary(min_size=12, max_size=80))
def test_any_bytes_can_be_read(datagram: bytes) -> None:
    headers = parsed(datagram)
    begin, size = payload_of(datagram)
    if headers.valid[0]:
        assert headers.sizes[0] == size
        assert (12 if headers.begins is None else headers.begins[0]) == begin
        assert 12 <= begin <= begin + size <= len(datagram)


@given(st.booleans(), st.integers(0, 63), st.integers(0, 1 << 20))
def test_first_words_are_read_as_they_were_written(
    marker: bool, payload_type: int, sequence: int
) -> None:
    word = first_words(
        np.array([marker]),
        np.array([payload_type], np.uint8),
        np.array([sequence % 65536], np.uint16),
    )
    datagram = int(word[0]).to_bytes(4) + bytes(8)
    headers = parsed(datagram)
    assert headers.valid[0]
    assert headers.payload_types[0] == payload_type
    assert headers.sequences[0] == sequence % 65536
    assert datagram[1] >> 7 == marker
