import struct
from pathlib import Path

import pytest

from tests.harness.pcap import Captured, read_pcap

UDP = struct.pack(">HHHH", 5000, 6000, 8 + 7, 0) + b"payload"
IPV4 = bytes([0x46, 0, 0, 0, 0, 0, 0, 0, 64, 17]) + bytes(10) + b"opt." + UDP
TCP = bytes([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 6]) + bytes(30)
IPV6 = bytes([0x60]) + bytes(60)


def capture(order: str, link: int, *packets: bytes) -> bytes:
    head = struct.pack(order + "IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    return head + b"".join(
        struct.pack(order + "IIII", 7, 500_000 + index, len(packet), len(packet)) + packet
        for index, packet in enumerate(packets)
    )


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("link", "before"), [(1, bytes(14)), (113, bytes(16)), (101, b"")])
def test_only_udp_over_ipv4_is_read(tmp_path: Path, order: str, link: int, before: bytes) -> None:
    path = tmp_path / "capture.pcap"
    padded = before + IPV4 + b"ethernet padding"
    path.write_bytes(capture(order, link, before + IPV6, padded, before + TCP))
    assert list(read_pcap(path)) == [Captured(7.500001, 5000, 6000, b"payload")]
