"""The RTP header (RFC 3550 section 5.1) of many datagrams at once.

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    |V=2|P|X|  CC   |M|     PT      |       sequence number         |
    |                           timestamp                           |
    |           synchronization source (SSRC) identifier            |
    |  CC contributing sources, an extension if X, payload, padding if P

Constants are arrays here: an operation with a Python number costs twice as much.
"""

from typing import Final, NamedTuple

import numpy as np

from bus.columns import Column
from mediaworker.masks import every, places
from mediaworker.streams import DATAGRAM, HEADER, LITTLE, Rows, Slot, Streams, slot_of

VERSION: Final = np.array(3 << 30, np.uint32)
TWO: Final = np.array(2 << 30, np.uint32)
USUAL: Final = np.array(0xFF << 24, np.uint32)
"""Version, padding, extension, contributing sources: the payload is all the rest."""
TYPE_SHIFT: Final = np.array(16, np.uint32)
TYPE_MASK: Final = np.array(127, np.uint32)
FIRST_RTCP: Final = np.array(64, np.uint32)
RTCP: Final = np.array(32, np.uint32)
"""Payload types 64 to 95 would be RTCP's 192 to 223 (RFC 5761 section 4): no RTP has them."""
MARKER_SHIFT: Final = np.array(7, np.uint8)
HEADERS: Final = np.array(HEADER)
ROOM: Final = np.array(DATAGRAM - HEADER, np.uint64)


class Headers(NamedTuple):
    """The fields, as arrays of equal length."""

    slot: Slot
    valid: Column[np.bool_]
    payload_types: Column[np.uint32]
    sequences: Column[np.uint16]
    timestamps: Column[np.uint32]
    ssrcs: Column[np.uint32]
    begins: Column[np.int64] | None
    """Where the payload begins in the datagram; None: behind the header in all of them."""
    sizes: Column[np.int64]
    """Bytes of payload."""

    def are_rtcp(self) -> Column[np.bool_]:
        """Whether they have payload types that only RTCP has."""
        return self.payload_types - FIRST_RTCP < RTCP

    def only(self, which: Column[np.bool_]) -> "Headers":
        """Return some of them."""
        return Headers(
            slot_of(self.slot, which),
            self.valid[which],
            self.payload_types[which],
            self.sequences[which],
            self.timestamps[which],
            self.ssrcs[which],
            None if self.begins is None else self.begins[which],
            self.sizes[which],
        )


def parse(streams: Streams, rows: Rows, slot: Slot, lengths: Column[np.int64]) -> Headers:
    """Read the headers of ``datagrams[rows, slot]``, of which ``lengths`` bytes are filled."""
    words = streams.read(rows, slot, 0, HEADER).view(np.uint32)
    words = words.byteswap() if LITTLE else words
    first = words[:, 0]
    types = (first >> TYPE_SHIFT) & TYPE_MASK
    sizes = lengths - HEADERS
    fits = sizes.view(np.uint64) < ROOM  # a negative one is huge
    valid = fits & (types - FIRST_RTCP >= RTCP)
    usual = first & USUAL == TWO
    begins = None
    if not every(usual):
        valid &= first & VERSION == TWO
        begins = np.full(len(lengths), HEADER)
        for index in places(valid & ~usual).tolist():
            place = slot_of(slot, index)
            datagram = streams.datagrams[rows[index], place, : lengths[index]].tobytes()
            begin, size = payload_of(datagram)
            begins[index], sizes[index], valid[index] = begin, size, size >= 0
    sequences = first.astype(np.uint16)
    return Headers(slot, valid, types, sequences, words[:, 1], words[:, 2], begins, sizes)


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
    markers: Column[np.bool_], payload_types: Column[np.uint8], sequences: Column[np.uint16]
) -> Column[np.uint32]:
    """Return the first words of headers without contributing sources, extension or padding."""
    seconds = payload_types | markers.view(np.uint8) << MARKER_SHIFT
    words: Column[np.uint32] = (seconds.astype(np.uint32) << TYPE_SHIFT) | sequences
    return words | TWO
