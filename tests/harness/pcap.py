"""Reading captures: the UDP payloads of a pcap file."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

RECORD = "IIII"
ETHERNET, LINUX_COOKED, RAW = 1, 113, 101
LINK_BYTES = {ETHERNET: 14, LINUX_COOKED: 16, RAW: 0}
ORDERS = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">"}
UDP = 17


class Captured(NamedTuple):
    """A UDP datagram."""

    seconds: float
    source_port: int
    port: int
    payload: bytes


def read_pcap(path: Path) -> Iterator[Captured]:
    """Yield the UDP datagrams over IPv4 of a capture."""
    content = path.read_bytes()
    order = ORDERS[content[:4]]
    (link,) = struct.unpack_from(order + "I", content, 20)
    position = 24
    while position < len(content):
        seconds, micros, kept, _ = struct.unpack_from(order + RECORD, content, position)
        packet = content[position + 16 + LINK_BYTES[link] : position + 16 + kept]
        position += 16 + kept
        header = 4 * (packet[0] & 15)
        if packet[0] >> 4 == 4 and packet[9] == UDP:
            source_port, port, length = struct.unpack_from(">HHH", packet, header)
            payload = packet[header + 8 : header + length]
            yield Captured(seconds + micros / 1e6, source_port, port, payload)
