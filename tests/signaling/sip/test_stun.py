"""STUN Binding on the SIP port, against the test vectors of RFC 5769."""

import struct

import pytest

from signaling.sip.stun import HEADER, binding_response, is_stun

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
REQUEST = bytes.fromhex("000100002112a442") + TRANSACTION


def test_an_ipv4_source_is_told_as_in_rfc_5769() -> None:
    """RFC 5769 2.2: XOR-MAPPED-ADDRESS of 192.0.2.1 port 32853."""
    response = binding_response(REQUEST, "192.0.2.1", 32853)
    assert HEADER.unpack_from(response) == (0x0101, 12, 0x2112A442, TRANSACTION)
    assert response[20:] == bytes.fromhex("002000080001a147e112a643")


def test_an_ipv6_source_is_told_as_in_rfc_5769() -> None:
    """RFC 5769 2.3: XOR-MAPPED-ADDRESS of 2001:db8:1234:5678:11:2233:4455:6677 port 32853."""
    response = binding_response(REQUEST, "2001:db8:1234:5678:11:2233:4455:6677", 32853)
    expected = "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    assert response[20:] == bytes.fromhex(expected)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"OPTIONS sip:a SIP/2.0\r\n\r\n",
        b"\r\n\r\n",
        REQUEST[:-1],
        REQUEST + b"\0",
        b"\x80" + REQUEST[1:],
        REQUEST[:4] + b"\0" * 16,
    ],
)
def test_what_is_not_stun(datagram: bytes) -> None:
    assert not is_stun(datagram)


def test_other_stun_is_not_answered() -> None:
    assert is_stun(REQUEST)
    indication = struct.pack("!H", 0x0011) + REQUEST[2:]
    assert is_stun(indication)
    assert binding_response(indication, "192.0.2.1", 1) == b""
