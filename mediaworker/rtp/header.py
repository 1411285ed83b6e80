"""The RTP header (RFC 3550 section 5.1) of many datagrams at once.

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
|V=2|P|X|  CC   |M|     PT      |       sequence number         |
|                           timestamp                           |
|           synchronization source (SSRC) identifier            |
|  CC contributing sources, an extension if X, payload, padding if P
"""

from typing import Final, NamedTuple

import numpy as np

from bus.columns import Column
from mediaworker.streams import HEADER, SLOT

UNUSUAL: Final = 0x3F << 24
"""Padding, an extension or contributing sources: the payload is not simply the rest."""
RTCP_TYPES: Final = (72, 76)
"""Payload types that would be RTCP's 200 to 204 (RFC 5761 section 4)."""


class Headers(NamedTuple):
    """The fields, as arrays of equal length."""

    valid: Column[np.bool_]
    payload_types: Column[np.int64]
    sequences: Column[np.int64]
    timestamps: Column[np.int64]
    ssrcs: Column[np.int64]
    begins: Column[np.int64]
    """Where the payload begins in the datagram."""
    sizes: Column[np.int64]
    """Bytes of payload."""


def parse(datagrams: Column[np.uint8], lengths: Column[np.int64]) -> Headers:
    """Read the headers of datagrams, shape (n, SLOT), of which ``lengths`` bytes are filled."""
    words = np.ascontiguousarray(datagrams[:, :HEADER]).view(">u4").astype(np.int64)
    first = words[:, 0]
    types = (first >> 16) & 127
    valid = (lengths >= HEADER) & (lengths < SLOT) & (first >> 30 == 2)
    valid &= (types < RTCP_TYPES[0]) | (types > RTCP_TYPES[1])
    begins = np.full(len(lengths), HEADER, np.int64)
    sizes = lengths - HEADER
    unusual = first & UNUSUAL != 0
    if unusual.any():
        for index in np.flatnonzero(unusual & valid).tolist():
            begin, size = payload_of(datagrams[index, : lengths[index]].tobytes())
            begins[index], sizes[index], valid[index] = begin, size, size >= 0
    return Headers(valid, types, first & 0xFFFF, words[:, 1], words[:, 2], begins, sizes)


def payload_of(datagram: bytes) -> tuple[int, int]:
    """Return where the payload of an RTP datagram begins and its size, negative if it is broken."""
    begin = HEADER + 4 * (datagram[0] & 15)
    if datagram[0] & 0x10:
        begin += 4 + 4 * int.from_bytes(datagram[begin + 2 : begin + 4])
    padding = datagram[-1] if datagram[0] & 0x20 else 0
    if datagram[0] & 0x20 and padding == 0:
        return begin, -1
    return begin, len(datagram) - padding - begin


def first_words(
    markers: Column[np.bool_], payload_types: Column[np.int64], sequences: Column[np.int64]
) -> Column[np.int64]:
    """Return the first words of headers without contributing sources, extension or padding."""
    flags = np.where(markers, (0x80 << 24) | (1 << 23), 0x80 << 24)
    words: Column[np.int64] = flags | (payload_types << 16) | (sequences & 0xFFFF)
    return words
