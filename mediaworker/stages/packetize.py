"""RTP headers.  Sequence number and timestamp follow from ``progress`` and the row's beginnings."""

from typing import Final

import numpy as np

from mediaworker.media import Batch, Media
from mediaworker.rtp.header import first_words
from mediaworker.streams import TICK, Rows

WRITES: Final = frozenset({"header", "talking"})


def mark(media: Media, rows: Rows) -> None:
    """Let the next packets of rows bear the marker: media time jumps."""
    media.streams.talking[rows] = False


def packetize(media: Media, batch: Batch) -> None:
    """Write the headers of the rows that send."""
    streams, rows = media.streams, batch.rows
    sends = streams.sends[rows]
    talked = streams.talking[rows]
    streams.talking[rows] = sends
    if not sends.all():
        rows, talked = rows[sends], talked[sends]
    progress, events = streams.progress[rows], streams.in_event[rows]
    sequences = streams.sequence_base[rows].astype(np.int64) + progress.astype(np.int64)
    times = (progress >> np.uint64(32)).astype(np.uint32) * np.uint32(TICK)
    times += streams.timestamp_base[rows]
    types, markers = streams.payload_type[rows].astype(np.int64), ~talked
    if events.any():
        types = np.where(events, streams.events_payload_type[rows], types)
        times = np.where(events, streams.digit_timestamp[rows], times)
        markers = np.where(events, streams.event_first[rows], markers)
    streams.header[rows, 0] = first_words(markers, types, sequences)
    streams.header[rows, 1] = times
    streams.header[rows, 2] = streams.ssrc[rows]
