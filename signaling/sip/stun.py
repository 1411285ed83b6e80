"""STUN as a keep-alive on the SIP port (RFC 5389, RFC 5626 3.5.2): a Binding Request is answered.

    0                   1                   2                   3
   |0 0|     type     |         length         |   length: of the attributes, bytes
   |              magic cookie                  |   0x2112A442
   |        transaction id (12 bytes)           |

The first two bits tell it from SIP, which is text.
"""

import ipaddress
import struct
from typing import Final

COOKIE: Final = 0x2112A442
HEADER: Final = struct.Struct("!HHI12s")
REQUEST, RESPONSE = 0x0001, 0x0101
XOR_MAPPED_ADDRESS: Final = 0x0020
IPV4, IPV6 = 1, 2


def is_stun(datagram: bytes) -> bool:
    """Whether a datagram is STUN and not SIP."""
    if len(datagram) < HEADER.size or datagram[0] & 0xC0:
        return False
    _, length, cookie, _ = HEADER.unpack_from(datagram)
    return bool(cookie == COOKIE and length == len(datagram) - HEADER.size and length % 4 == 0)


def binding_response(datagram: bytes, host: str, port: int) -> bytes:
    """Tell a Binding Request where it came from; nothing for other STUN messages."""
    kind, _, _, transaction = HEADER.unpack_from(datagram)
    if kind != REQUEST:
        return b""
    address = ipaddress.ip_address(host.partition("%")[0])
    mask = struct.pack("!I", COOKIE) + transaction
    packed = bytes(one ^ other for one, other in zip(address.packed, mask, strict=False))
    family = IPV6 if address.version == 6 else IPV4
    value = struct.pack("!BBH", 0, family, port ^ (COOKIE >> 16)) + packed
    attribute = struct.pack("!HH", XOR_MAPPED_ADDRESS, len(value)) + value
    return HEADER.pack(RESPONSE, len(attribute), COOKIE, transaction) + attribute
