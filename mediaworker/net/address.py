"""Addresses as three 64-bit words, so that one comparison of columns tells strangers from peers.

| upper half of the IPv6 address | lower half | port |        IPv4 is ::ffff:a.b.c.d
"""

import socket
import struct
from collections.abc import Sequence
from typing import Final

from bus.errors import BadRequestError

WORDS: Final = struct.Struct("=QQQ")
IPV6: Final = struct.Struct(">QQ")
MAPPED: Final = bytes(10) + b"\xff\xff"

Words = tuple[int, int, int]
Target = tuple[str, int]


def words_of(host: str, port: int) -> Words:
    """Return the words of an address.  Raises BadRequestError for what is no literal."""
    try:
        if ":" in host:
            packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
        else:
            packed = MAPPED + socket.inet_pton(socket.AF_INET, host)
    except OSError:
        raise BadRequestError(f"{host!r} is neither an IPv4 nor an IPv6 address") from None
    if not 0 < port < 65536:
        raise BadRequestError(f"port {port} is not one that can be sent to")
    high, low = IPV6.unpack(packed)
    return high, low, port


def target_of(words: Sequence[int]) -> Target:
    """Return the host and port that words stand for."""
    high, low, port = words
    packed = IPV6.pack(high, low)
    if packed.startswith(MAPPED):
        return socket.inet_ntop(socket.AF_INET, packed[12:]), port
    return socket.inet_ntop(socket.AF_INET6, packed), port


def sockaddr(words: Sequence[int], family: int) -> bytes:
    """Return words as a socket of this family wants them (struct sockaddr_in or sockaddr_in6)."""
    high, low, port = words
    packed = IPV6.pack(high, low)
    if family == socket.AF_INET and packed.startswith(MAPPED):
        return struct.pack("=H", socket.AF_INET) + struct.pack(">H4s8x", port, packed[12:])
    return struct.pack("=H", socket.AF_INET6) + struct.pack(">HI16sI", port, 0, packed, 0)


class Sources(dict[tuple[str, int] | tuple[str, int, int, int], bytes]):
    """Source addresses as the system gives them -> their words in bytes; forgets when crowded."""

    most = 8192

    def __missing__(self, source: tuple[str, int] | tuple[str, int, int, int]) -> bytes:
        """Pack an address that was not seen lately."""
        if len(self) >= self.most:
            self.clear()
        self[source] = packed = WORDS.pack(*words_of(source[0], source[1]))
        return packed
