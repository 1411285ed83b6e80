"""The backend for Linux 6.1 and later: all sockets in one io_uring, two system calls a tick.

Entries of the ring, prepared once (``n`` rows):

    0 .. n-1     receive on the row's socket until told to stop (multishot)
    n .. 2n-1    send the row's packet to its peer
    2n, 2n+1     wait for RTCP; stop the receiving of a row

What comes of an entry bears its index.  Each row is also a group of buffers (``net.buffers``) and
a place in the table of registered files.

* What ends the receiving of a row (a refusal by ICMP, an empty datagram, no free slot, a full ring)
  is counted if it is an error, and the row receives again from the next tick on.
* RTCP is rare: its sockets are in an epoll instance, which the ring watches.
"""

import select
import socket
from collections import Counter
from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.masks import every, some
from mediaworker.media import Media, Report, Wave
from mediaworker.net.address import sockaddr
from mediaworker.net.buffers import NAME_BYTES, Buffers
from mediaworker.net.reports import Reports, note
from mediaworker.net.rings import CQ_OVERFLOW, TASKRUN, Completions, Ring
from mediaworker.streams import OFFSET, SLOTS, Rows, Streams

POLL_ADD, RECVMSG, ASYNC_CANCEL, SEND = 6, 10, 14, 26
"""What an entry does."""
FIXED_FILE, BUFFER_SELECT, SKIP_SUCCESS = 1 << 0, 1 << 5, 1 << 6
"""Flags of an entry."""
MULTISHOT: Final = 1 << 1
BUFFER, MORE = 1, 2
"""Flags of a completion: there is a datagram; there may be others."""
SLOT_SHIFT: Final = np.array(16, np.uint32)
USUAL: Final = BUFFER | MORE
REGISTER_FILES, UPDATE_FILES = 13, 6
SPARSE: Final = 1
"""Files: none yet."""
AT_ONCE: Final = 20
"""Things that the kernel does in one call; if it did fewer, there are no more."""
CONTROL: Final = 2
LEAST: Final = 256
"""Completions there is room for, however few the rows are."""
MOST_ROUNDS: Final = 1000
PREFIX: Final = np.array(OFFSET)
ROW_SLOTS: Final = np.array(SLOTS)

MESSAGE: Final = np.dtype(
    [
        *(("name", np.uint64), ("name_length", np.uint64), ("pieces", np.uint64)),
        *(("piece_count", np.uint64), ("control", np.uint64), ("control_length", np.uint64)),
        ("flags", np.uint64),
    ]
)
"""struct msghdr."""


class Uring:
    """Sockets of all rows, in one io_uring."""

    name = "uring"

    def __init__(self, streams: Streams, completions: int = 0) -> None:
        """Serve rows, with so many completions or as many as are sensible.  Raises OSError."""
        rows = self.rows = streams.rows
        self.errors = Counter[str]()
        """What the system refused, by the name of the reason."""
        self.ring = Ring(2 * rows + CONTROL, completions or max(4 * rows, LEAST))
        self.buffers = Buffers(streams, self.ring)
        self.reports = Reports(self.errors)
        self.sends = self.ring.entries[rows : 2 * rows]
        self.lengths: Column[np.uint32] = self.sends["len"]
        self.streams = streams
        self.families = [socket.AF_INET] * rows
        self.names = np.zeros((rows, NAME_BYTES), np.uint8)
        self.packets = streams.packet.ctypes.data + streams.packet.strides[0] * np.arange(rows)
        self.sealed = streams.sealed.ctypes.data + streams.sealed.strides[0] * np.arange(rows)
        self.message = np.zeros(1, MESSAGE)
        self.message["name_length"] = NAME_BYTES
        self._prepare()
        self.open_rows = np.zeros(rows, np.bool_)
        self.armed = np.zeros(rows, np.bool_)
        """Rows that receive."""
        self.unarmed: list[Rows] = []
        """Rows that are to receive, from the next tick on."""
        self.kept: list[Completions] = []
        """Completions taken out of turn."""
        self.taken: list[Rows] = []
        """Rows of which a slot was taken, for each slot."""
        self.filled: list[Column[np.intp]] = []
        """Slots that were taken, counted through all rows."""
        self.order = np.arange(self.ring.capacity)
        self.place = np.zeros(rows, np.intp)

    def _prepare(self) -> None:
        """Write all entries.  Those that send do nothing yet, see ``_aim``."""
        rows, entries = self.rows, self.ring.entries
        every_row = np.arange(rows)
        ring_files = np.zeros(4, np.uint64)
        ring_files[0] = np.array([rows, SPARSE], np.uint32).view(np.uint64)[0]
        self.ring.register(REGISTER_FILES, ring_files.ctypes.data, ring_files.nbytes)
        entries["user_data"] = np.arange(len(entries))
        self.sends["flags"] = SKIP_SUCCESS
        receives = entries[:rows]
        receives["opcode"], receives["fd"], receives["buf_group"] = RECVMSG, every_row, every_row
        receives["ioprio"], receives["flags"] = MULTISHOT, FIXED_FILE | BUFFER_SELECT
        receives["addr"], receives["len"] = self.message.ctypes.data, 1
        poll, cancel = entries[2 * rows : 2 * rows + 1], entries[2 * rows + 1 : 2 * rows + 2]
        poll["opcode"], poll["fd"] = POLL_ADD, self.reports.fileno()
        poll["op_flags"] = select.POLLIN
        cancel["opcode"], cancel["flags"] = ASYNC_CANCEL, SKIP_SUCCESS
        self.poll, self.cancel = np.array([2 * rows]), np.array([2 * rows + 1])
        self.report_waits = False
        self.ring.push(self.poll)

    # ---------------------------------------------------------------------------- the sockets

    def open(self, row: int, rtp: socket.socket, rtcp: socket.socket) -> None:
        """Serve a row with these sockets, which stay the caller's to close."""
        self._register(row, rtp.fileno())
        self.reports.open(row, rtp, rtcp)
        self.open_rows[row] = True
        self.unarmed.append(np.array([row]))
        self.families[row] = rtp.family
        if self.streams.peer[row].any():
            self._aim(row)

    def close(self, row: int) -> None:
        """Forget the sockets of a row, and what is not yet received.  Call it before they close."""
        if not self.open_rows[row]:
            return
        self.open_rows[row] = False
        self.reports.close(row)
        self.unarmed = [rows[rows != row] for rows in self.unarmed]
        self._disarm(row)
        self._forget(row)
        self._register(row, -1)

    def end(self) -> None:
        """End the ring and all that it does."""
        self.reports.end()
        self.ring.close()

    def _register(self, row: int, descriptor: int) -> None:
        """Make a descriptor the registered file of a row; -1: none."""
        descriptors = np.array([descriptor], np.int32)
        update = np.array([row, descriptors.ctypes.data], np.uint64)
        self.ring.register(UPDATE_FILES, update.ctypes.data, 1)

    def _disarm(self, row: int) -> None:
        """Stop the receiving of a row, and give back what it received."""
        if self.armed[row]:
            self.ring.entries["addr"][self.cancel] = row
            self.ring.push(self.cancel)
        for _ in range(MOST_ROUNDS):
            self.ring.enter()
            self._keep(row)
            if not self.armed[row]:
                return
        self.errors["NOT CANCELLED"] += 1

    def _keep(self, row: int) -> None:
        """Take all completions, and keep those that are not of a row that is being closed."""
        self.kept.append(self.ring.take().copy())
        for index, done in enumerate(self.kept):
            ours = done.user_data == row
            if not some(ours):
                continue
            if not every(done.flags[ours] & MORE != 0):
                self.armed[row] = False
            slots = done.flags[ours & (done.flags & BUFFER != 0)] >> SLOT_SHIFT
            self.buffers.clear(row * SLOTS + slots.astype(np.intp))
            for _ in range(len(slots)):
                self.buffers.give_back(np.array([row]))
            self.kept[index] = done.only(~ours)

    # ------------------------------------------------------------------------------ receiving

    def receive(self, media: Media) -> None:
        """Take all that has arrived, up to ``SLOTS`` datagrams a row."""
        self._give_back()
        if self.unarmed:
            self._arm()
        media.waves = []
        for done in self._drain():
            self._receive(media, done)
        media.reports_heard = []
        if self.report_waits:
            self.report_waits = False
            media.reports_heard = self.reports.receive()
            self.ring.push(self.poll)

    def _give_back(self) -> None:
        """Give back the slots whose datagrams were used in the tick before this."""
        for filled in self.filled:
            self.buffers.clear(filled)
        for rows in self.taken:
            self.buffers.give_back(rows)
        self.filled.clear()
        self.taken.clear()

    def _arm(self) -> None:
        rows = np.concatenate(self.unarmed)
        self.unarmed.clear()
        self.armed[rows] = True
        self.ring.push(rows)

    def _drain(self) -> list[Completions]:
        """Let the kernel receive until there is no more."""
        ring, done = self.ring, self.kept
        self.kept = []
        before = waiting = 0
        for _ in range(MOST_ROUNDS):
            status = ring.enter()
            before, waiting = waiting, ring.waiting()
            if status & CQ_OVERFLOW:
                self.errors["OVERFLOW"] += 1
                done.append(ring.take().copy())
                waiting = 0
            elif waiting - before < AT_ONCE and not status & TASKRUN:
                break
        if waiting:
            done.append(ring.take())
        return done

    def _receive(self, media: Media, done: Completions) -> None:
        if np.bitwise_and.reduce(done.flags) & USUAL != USUAL:
            done = self._sort_out(done)
        rows = done.user_data.astype(np.intp)
        slots = (done.flags >> SLOT_SHIFT).astype(np.intp)
        lengths = np.subtract(done.results, PREFIX, dtype=np.int64)
        filled = rows * ROW_SLOTS
        filled += slots
        self.filled.append(filled)
        sources = self.buffers.sources(rows, filled)
        order = self.order[: len(rows)]
        self.place[rows] = order
        if every(self.place[rows] == order):
            self._tell(media, Wave(rows, slots, lengths, sources))
        else:
            self._tell_in_waves(media, Wave(rows, slots, lengths, sources))

    def _tell(self, media: Media, wave: Wave) -> None:
        self.taken.append(wave.rows)
        media.waves.append(wave)

    def _tell_in_waves(self, media: Media, left: Wave) -> None:
        """Tell of the first of each row, then of the next, and so on."""
        while len(left.rows):
            order = self.order[: len(left.rows)]
            self.place[left.rows[::-1]] = order[::-1]
            first = self.place[left.rows] == order
            self._tell(media, _part(left, first))
            left = _part(left, ~first)

    def _sort_out(self, done: Completions) -> Completions:
        """Return the datagrams among completions, and look at what else there is."""
        ours = done.user_data < self.rows
        ended = done.only(ours & (done.flags & MORE == 0))
        rows = ended.user_data.astype(np.intp)
        self.armed[rows] = False
        self.unarmed.append(rows)
        self._count(ended.results)
        others = done.only(~ours)
        self._count(others.results[others.user_data < 2 * self.rows])
        self.report_waits |= some(others.user_data == 2 * self.rows)
        return done.only(ours & (done.flags & BUFFER != 0))

    def _count(self, results: Column[np.int32]) -> None:
        for result in results[results < 0].tolist():
            note(self.errors, -result)

    # -------------------------------------------------------------------------------- sending

    def send(self, media: Media, rows: Rows) -> None:
        """Send the packets of ``rows``."""
        if media.moved:
            self._move(media)
        self.lengths[rows] = media.streams.packet_length[rows]
        if media.protected:
            self._take_sealed(rows)
        self.ring.push(rows + self.rows)
        self.ring.submit()

    def _take_sealed(self, rows: Rows) -> None:
        """Let the rows with SRTP send their sealed packets; ``_aim`` undoes it."""
        lengths = self.streams.sealed_length[rows]
        rows, lengths = rows[lengths > 0], lengths[lengths > 0]
        self.lengths[rows], self.sends["addr"][rows] = lengths, self.sealed[rows]

    def send_report(self, media: Media, report: Report) -> None:
        """Send RTCP."""
        self.reports.send(media, report)

    def _move(self, media: Media) -> None:
        """Write the entries of rows whose peer has moved."""
        for row in media.moved:
            if self.open_rows[row]:
                self._aim(row)
        media.moved.clear()

    def _aim(self, row: int) -> None:
        """Write the entry that sends to the peer of a row."""
        name = sockaddr(self.streams.peer[row].tolist(), self.families[row])
        self.names[row, : len(name)] = np.frombuffer(name, np.uint8)
        send = self.sends[row : row + 1]
        send["opcode"], send["fd"], send["flags"] = SEND, row, FIXED_FILE | SKIP_SUCCESS
        send["op_flags"] = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
        send["addr"] = self.packets[row]
        send["addr2"] = self.names.ctypes.data + row * NAME_BYTES
        send["addr_len"] = len(name)

    def _forget(self, row: int) -> None:
        """Write an entry that does nothing."""
        self.sends.view(np.uint8).reshape(self.rows, -1)[row] = 0
        self.sends["flags"][row] = SKIP_SUCCESS


def _part(wave: Wave, which: Column[np.bool_]) -> Wave:
    slots = np.broadcast_to(wave.slot, wave.rows.shape)
    return Wave(wave.rows[which], slots[which], wave.lengths[which], wave.sources[which])
