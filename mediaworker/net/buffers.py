"""Provided buffers: each row is a group, and its buffers are its own slots in ``Streams.slots``.

A datagram is written with its source before it, as struct io_uring_recvmsg_out says:

    | source's length, ... (16 bytes) | source (32 bytes) | datagram ...
    0                                 16                  OFFSET

The source is written last, so a slot whose first byte is not 0 has a whole datagram.  The kernel
takes the slots of a row in turn, and they are given back in the same order: then the ring that
tells it which to take never changes, only its tail does.
"""

import mmap
import socket
import sys
from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.masks import every
from mediaworker.net.rings import Ring
from mediaworker.streams import ADDRESS, DATAGRAM, LITTLE, OFFSET, SLOT, SLOTS, Rows, Streams

REGISTER_PBUF_RING: Final = 22
PAGE: Final = mmap.PAGESIZE
BUFFER: Final = np.dtype(
    [("addr", np.uint64), ("len", np.uint32), ("id", np.uint16), ("tail", "u2")]
)
"""struct io_uring_buf; in the first one the last field is the tail of the ring."""
REGISTRATION: Final = np.dtype(
    [
        *(("ring_addr", np.uint64), ("ring_entries", np.uint32), ("bgid", np.uint16)),
        *(("flags", np.uint16), ("reserved", np.uint64, 3)),
    ]
)
"""struct io_uring_buf_reg."""
WORDS: Final = np.dtype(f"V{8 * ADDRESS}")
"""A source in one piece: to pick some of these is four times as fast."""
NAME: Final = 16
"""Where in a slot the source begins."""
NAME_BYTES: Final = OFFSET - NAME
ONE: Final = np.array(1, np.uint16)
NONE: Final = np.array(0, np.uint64)
MAPPED: Final = np.array(0xFFFF << 32, np.uint64)
"""Lower half of an IPv4 address, but the address itself."""
HOST, PORT = np.array(0xFFFF_FFFF, np.uint64), np.array(0xFFFF, np.uint64)
PORT_SHIFT: Final = np.array(32, np.uint64)
PORTS: Final = np.array(1 << 48, np.uint64)
FAMILY: Final = socket.AF_INET.to_bytes(2, sys.byteorder)
IPV4: Final = np.array(int.from_bytes(FAMILY) << 48, np.uint64)
"""What a ``name``, read as a big-endian number, has before the port if it is of IPv4."""


class Buffers:
    """The slots of all rows, as the kernel takes them and we give them back."""

    def __init__(self, streams: Streams, ring: Ring) -> None:
        """Hand all slots of all rows to the kernel.  Raises OSError."""
        rows, slots = streams.rows, streams.slots
        pages = mmap.mmap(-1, rows * PAGE)
        buffers = np.ndarray((rows, SLOTS), BUFFER, pages, strides=(PAGE, BUFFER.itemsize))
        addresses = slots.ctypes.data + SLOT * np.arange(rows * SLOTS, dtype=np.uint64)
        buffers["addr"] = addresses.reshape(rows, SLOTS)
        buffers["len"], buffers["id"] = OFFSET + DATAGRAM, np.arange(SLOTS)
        self.tails: Column[np.uint16] = buffers["tail"][:, 0]
        self.tails[:] = SLOTS
        flat = slots.reshape(rows * SLOTS, SLOT)
        self.marks: Column[np.uint64] = flat[:, :8].view(np.uint64)[:, 0]
        """The first words of the slots."""
        self.names: Column[np.uint64] = flat[:, NAME : NAME + 8].view(np.uint64)[:, 0]
        """The sources of datagrams: family, port and an IPv4 address."""
        self.long_names: Column[np.uint64] = flat[:, NAME + 8 : NAME + 24].view(np.uint64)
        """IPv6 addresses."""
        self.known = np.zeros(rows, WORDS)
        """Where the last datagram of each row came from."""
        self.known_names = np.zeros(rows, np.uint64)
        """The same as a name; 0 if it is none of IPv4."""
        self._register(ring, buffers)

    def _register(self, ring: Ring, buffers: Column[np.void]) -> None:
        """Make each row a group of its own."""
        rows, address = len(buffers), buffers.ctypes.data
        registration = np.zeros(rows, REGISTRATION)
        registration["ring_addr"] = address + PAGE * np.arange(rows, dtype=np.uint64)
        registration["ring_entries"], registration["bgid"] = SLOTS, np.arange(rows)
        begin = registration.ctypes.data
        for row in range(rows):
            ring.register(REGISTER_PBUF_RING, begin + row * REGISTRATION.itemsize, 1)

    def give_back(self, rows: Rows) -> None:
        """Give one slot of each of these rows back: the one that was taken first."""
        self.tails[rows] += ONE

    def clear(self, places: Column[np.intp]) -> None:
        """Say of slots (counted through all rows) that no datagram is there."""
        self.marks[places] = NONE

    def sources(self, rows: Rows, places: Column[np.intp]) -> Column[np.uint64]:
        """Return where the datagrams in these slots came from, as ``net.address`` has it.

        Nearly all come from where the one before in their row came from.
        """
        names = self.names[places]
        if every(names == self.known_names[rows]):
            words: Column[np.uint64] = self.known[rows].view(np.uint64).reshape(-1, ADDRESS)
            return words
        words = np.empty((len(places), ADDRESS), np.uint64)
        four = self._read(words, names, places)
        self.known.view(np.uint64).reshape(-1, ADDRESS)[rows] = words
        self.known_names[rows] = names * four
        return words

    def _read(
        self, words: Column[np.uint64], names: Column[np.uint64], places: Column[np.intp]
    ) -> Column[np.bool_]:
        """Fill in the words of names; return which are of IPv4."""
        names = (names.byteswap() if LITTLE else names) - IPV4
        words[:, 2] = names >> PORT_SHIFT & PORT
        hosts = self.long_names[places]
        hosts = hosts.byteswap() if LITTLE else hosts
        four: Column[np.bool_] = names < PORTS
        words[:, 0] = np.where(four, NONE, hosts[:, 0])
        words[:, 1] = np.where(four, names & HOST | MAPPED, hosts[:, 1])
        return four
