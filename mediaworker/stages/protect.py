"""SRTP of what is sent, for the rows that have keys (RFC 3711).

The index of a packet follows from ``progress``, so it goes on over hold and pauses, and no two
packets that are sent have the same: this comes before ``pace`` counts the packet.
"""

from typing import Final

import numpy as np

from mediaworker.masks import each_kind, some
from mediaworker.media import Batch, Media
from mediaworker.rtp.srtp import LONGEST_TAG, PROFILES, Suite, seal_report
from mediaworker.rtp.srtp_packets import seal
from mediaworker.streams import Rows

ONE: Final = np.uint32(1)
INDEX: Final = (1 << 31) - 1
"""Of a report; wraps."""

WRITES: Final = frozenset({"sealed", "sealed_length"})


def protect(media: Media, batch: Batch) -> None:
    """Seal the packets of those rows that send and have keys."""
    if not media.protected:
        return
    streams, rows = media.streams, batch.rows
    suites = streams.suite[rows] * media.sending(rows)
    if not some(suites != Suite.NONE):
        return
    for suite, where in each_kind(suites):
        if suite != Suite.NONE:
            _seal(media, Suite(suite), rows if where is None else rows[where])


def sealed_report(media: Media, row: int, datagram: bytes) -> bytes:
    """Return a report as it is sent: as SRTCP if the row has keys."""
    keys = media.protected.get(row)
    if keys is None:
        return datagram
    index = int(media.streams.reports_sealed[row]) & INDEX
    media.streams.reports_sealed[row] += ONE
    return seal_report(PROFILES[keys.suite], keys.out.reports, datagram, index)


def _seal(media: Media, suite: Suite, rows: Rows) -> None:
    streams, profile, protected = media.streams, PROFILES[suite], media.protected
    lengths = streams.packet_length[rows]
    longest = int(lengths.max())
    block = np.empty((len(rows), longest + LONGEST_TAG), np.uint8)
    block[:, :longest] = streams.packet[rows, :longest]
    indexes = streams.sequence_base[rows] + streams.packets_sent[rows].astype(np.uint64)
    seal(
        profile,
        [protected[row].out.packets for row in rows.tolist()],
        streams.salt_out[rows],
        streams.ssrc[rows].astype(np.uint64),
        indexes - streams.index_base[rows],
        block,
        lengths,
    )
    streams.sealed[rows, : block.shape[1]] = block
    streams.sealed_length[rows] = lengths + profile.tag
