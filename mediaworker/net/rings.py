"""The rings of an io_uring as numpy arrays over the memory that the kernel shares with us.

    entries[index]  --> submission: indexes of entries to carry out  --> kernel
    kernel  --> user_data, results, flags: what came of them, in order

The entries are prepared once and stay where they are: ``push`` only writes their indexes into the
submission ring.  So whatever is to be done this time costs four bytes, and one call for all.

The kernel works on these rings only while this thread is in ``enter`` (SINGLE_ISSUER and
DEFER_TASKRUN), so there is nothing to synchronise: no barriers, and no interruption.
"""

import ctypes
import mmap
import os
from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.streams import Rows

SETUP, ENTER, REGISTER = 425, 426, 427
"""System calls, of the same numbers on all machines."""
CQSIZE, CLAMP, SUBMIT_ALL, TASKRUN_FLAG = 1 << 3, 1 << 4, 1 << 7, 1 << 9
SINGLE_ISSUER, DEFER_TASKRUN = 1 << 12, 1 << 13
FLAGS: Final = CQSIZE | CLAMP | SUBMIT_ALL | TASKRUN_FLAG | SINGLE_ISSUER | DEFER_TASKRUN
GETEVENTS: Final = 1
CQ_OVERFLOW, TASKRUN = 2, 4
"""What the kernel says in ``status``."""
ENTRIES_AT: Final = 0x1000_0000
"""Where the entries are in the descriptor; the rings are at 0."""

PARAMS: Final = np.dtype(
    [
        *((name, np.uint32) for name in ("sq_entries", "cq_entries", "flags", "cpu", "idle")),
        *(("features", np.uint32), ("wq", np.uint32), ("reserved", np.uint32, 3)),
        *(("sq", np.uint32, 10), ("cq", np.uint32, 10)),
    ]
)
"""struct io_uring_params."""
SQ_HEAD, SQ_TAIL, SQ_MASK, _SQ_ENTRIES, SQ_FLAGS, _SQ_DROPPED, SQ_ARRAY = range(7)
CQ_HEAD, CQ_TAIL, CQ_MASK, _CQ_ENTRIES, _CQ_OVERFLOW, CQ_CQES = range(6)

ENTRY: Final = np.dtype(
    [
        *(("opcode", np.uint8), ("flags", np.uint8), ("ioprio", np.uint16), ("fd", np.int32)),
        *(("addr2", np.uint64), ("addr", np.uint64), ("len", np.uint32), ("op_flags", np.uint32)),
        *(("user_data", np.uint64), ("buf_group", np.uint16), ("personality", np.uint16)),
        *(("addr_len", np.uint16), ("pad", np.uint16), ("pads", np.uint64, 2)),
    ]
)
"""struct io_uring_sqe."""
COMPLETION: Final = np.dtype([("user_data", np.uint64), ("res", np.int32), ("flags", np.uint32)])
"""struct io_uring_cqe."""

_library: Final = ctypes.CDLL(None, use_errno=True)
_six: Final = _library["syscall"]
_six.restype = ctypes.c_long
_six.argtypes = (
    *(ctypes.c_long, ctypes.c_long, ctypes.c_long),
    *(ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_long),
)


class Completions:
    """What came of entries, as arrays of equal length."""

    def __init__(
        self, user_data: Column[np.uint64], results: Column[np.int32], flags: Column[np.uint32]
    ) -> None:
        self.user_data, self.results, self.flags = user_data, results, flags

    def copy(self) -> "Completions":
        """Return them in memory of their own."""
        return Completions(self.user_data.copy(), self.results.copy(), self.flags.copy())

    def only(self, which: Column[np.bool_]) -> "Completions":
        """Return some of them, in memory of their own."""
        return Completions(self.user_data[which], self.results[which], self.flags[which])


class Ring:
    """An io_uring of this thread."""

    def __init__(self, entries: int, completions: int) -> None:
        """Set it up, with room for at least so many.  Raises OSError where that is refused."""
        params = np.zeros(1, PARAMS)
        params["flags"], params["cq_entries"] = FLAGS, completions
        self.descriptor = _call(SETUP, entries, params.ctypes.data)
        try:
            self._map(params[0])
        except BaseException:
            os.close(self.descriptor)
            raise

    def _map(self, params: np.void) -> None:
        sq: list[int] = params["sq"].tolist()
        cq: list[int] = params["cq"].tolist()
        self.size, self.capacity = int(params["sq_entries"]), int(params["cq_entries"])
        length = max(
            sq[SQ_ARRAY] + 4 * self.size, cq[CQ_CQES] + COMPLETION.itemsize * self.capacity
        )
        rings = mmap.mmap(self.descriptor, length)
        entries = mmap.mmap(self.descriptor, self.size * ENTRY.itemsize, offset=ENTRIES_AT)
        self.entries = np.ndarray(self.size, ENTRY, entries)
        self.submission = np.ndarray(self.size, np.uint32, rings, sq[SQ_ARRAY])
        self.words: memoryview[int] = memoryview(rings)[: length // 4 * 4].cast("I")
        self.sq_head, self.sq_tail, self.sq_flags = (
            sq[each] // 4 for each in (SQ_HEAD, SQ_TAIL, SQ_FLAGS)
        )
        self.cq_head, self.cq_tail = cq[CQ_HEAD] // 4, cq[CQ_TAIL] // 4
        done = np.ndarray(self.capacity, COMPLETION, rings, cq[CQ_CQES])
        self.user_data: Column[np.uint64] = done["user_data"]
        self.results: Column[np.int32] = done["res"]
        self.flags: Column[np.uint32] = done["flags"]

    def push(self, indexes: Rows) -> None:
        """Have the entries of these indexes carried out by the next ``enter``, in this order."""
        words, tail, count = self.words, self.words[self.sq_tail], len(indexes)
        begin = tail & (self.size - 1)
        room = self.size - begin
        if count <= room:
            self.submission[begin : begin + count] = indexes
        else:
            self.submission[begin:] = indexes[:room]
            self.submission[: count - room] = indexes[room:]
        words[self.sq_tail] = (tail + count) & 0xFFFF_FFFF

    def enter(self) -> int:
        """Let the kernel take what was pushed and do what has become possible; return ``status``.

        What cannot be taken now is taken next time.
        """
        words = self.words
        count = (words[self.sq_tail] - words[self.sq_head]) & 0xFFFF_FFFF
        _six(ENTER, self.descriptor, count, 0, GETEVENTS, None, 0)
        status: int = words[self.sq_flags]
        return status

    def submit(self) -> None:
        """Let the kernel take what was pushed, and no more."""
        words = self.words
        count = (words[self.sq_tail] - words[self.sq_head]) & 0xFFFF_FFFF
        _six(ENTER, self.descriptor, count, 0, 0, None, 0)

    def waiting(self) -> int:
        """Return how many completions can be taken."""
        count: int = self.words[self.cq_tail] - self.words[self.cq_head]
        return count & 0xFFFF_FFFF

    def take(self) -> Completions:
        """Take all completions.

        They stay in their places (unless they go over the end), so use them before ``enter``.
        """
        head, count = self.words[self.cq_head], self.waiting()
        self.words[self.cq_head] = self.words[self.cq_tail]
        begin = head & (self.capacity - 1)
        end = begin + count
        if end <= self.capacity:
            return Completions(
                self.user_data[begin:end], self.results[begin:end], self.flags[begin:end]
            )
        order = np.arange(begin, end) & (self.capacity - 1)
        return Completions(self.user_data[order], self.results[order], self.flags[order])

    def register(self, code: int, argument: int, count: int) -> int:
        """Call io_uring_register.  Raises OSError."""
        return _call(REGISTER, self.descriptor, code, argument, count)

    def close(self) -> None:
        """End it; the memory is unmapped when the last array of it is gone."""
        os.close(self.descriptor)


def _call(number: int, *arguments: int) -> int:
    result: int = _six(number, *arguments, *(0,) * (6 - len(arguments)))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
