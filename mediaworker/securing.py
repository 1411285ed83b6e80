"""The SRTP keys of a row, set by commands.

A key that stays the same goes on: our index with it, and what is known of the peer's.  A new one
begins anew (RFC 4568 6.4): the roll-over counter is 0, and nothing was received yet.  The library's
objects in ``Media.protected`` follow from the columns; a successor makes them with ``restore``.
"""

from typing import Final

import numpy as np

from bus.columns import Column
from bus.errors import BadRequestError
from bus.srtp import SUITES, Crypto
from mediaworker.masks import places
from mediaworker.media import Media
from mediaworker.rtp.srtp import LONGEST_MASTER, PROFILES, Protected, Suite, direction

ROLL_OVER: Final = 1 << 16
OF_SOURCES: Final = (
    "source_place",
    "sources_known",
    "source_ssrcs",
    "source_indexes",
    "source_windows",
    "source_report_indexes",
    "source_report_windows",
)


def check(crypto: Crypto | None) -> None:
    """Raise BadRequestError for what is no suite, or no key of it."""
    if crypto is None:
        return
    size = SUITES.get(crypto.suite)
    if size is None:
        raise BadRequestError(f"suite {crypto.suite!r} is not one of {', '.join(SUITES)}")
    for master in (crypto.ours, crypto.theirs):
        if len(master) != size:
            raise BadRequestError(f"key and salt of {crypto.suite} are {size} bytes")


def secure(media: Media, row: int, crypto: Crypto | None) -> None:
    """Protect a row from now on, or no more; ``check`` comes first."""
    streams = media.streams
    if crypto is None:
        expose(media, row)
        return
    suite, before = Suite[crypto.suite], media.protected.get(row)
    if before is None or suite != streams.suite[row]:
        expose(media, row)
        before = None
    profile = PROFILES[suite]
    new_out = _put(streams.master_out, row, crypto.ours)
    new_in = _put(streams.master_in, row, crypto.theirs)
    if before is None or new_out:
        out = direction(profile, crypto.ours)
        streams.salt_out[row] = out.packets.salt
        sent = int(streams.sequence_base[row]) + int(streams.packets_sent[row])
        streams.index_base[row] = sent - sent % ROLL_OVER
        streams.reports_sealed[row] = 0
    else:
        out = before.out
    if before is None or new_in:
        into = direction(profile, crypto.theirs)
        streams.salt_in[row] = into.packets.salt
        for name in OF_SOURCES:
            getattr(streams, name)[row] = 0
    else:
        into = before.into
    streams.suite[row] = suite
    media.protected[row] = Protected(suite, out, into)


def expose(media: Media, row: int) -> None:
    """Protect a row no more, and forget its keys."""
    if media.protected.pop(row, None) is None:
        return
    streams = media.streams
    streams.suite[row] = Suite.NONE
    for column in (streams.master_out, streams.master_in, streams.salt_out, streams.salt_in):
        column[row] = 0
    streams.sealed_length[row] = 0
    media.moved.append(row)  # its packets come from another column


def restore(media: Media) -> None:
    """Make the library's objects of all rows again, from their columns."""
    media.protected.clear()
    for row in places(media.streams.suite != Suite.NONE).tolist():
        suite = Suite(int(media.streams.suite[row]))
        out, into = (
            direction(PROFILES[suite], column[row].tobytes())
            for column in (media.streams.master_out, media.streams.master_in)
        )
        media.protected[row] = Protected(suite, out, into)


def _put(column: Column[np.uint8], row: int, master: bytes) -> bool:
    """Keep a master key; True if it is new."""
    padded = master.ljust(LONGEST_MASTER, b"\0")
    if column[row].tobytes() == padded:
        return False
    column[row] = np.frombuffer(padded, np.uint8)
    return True
