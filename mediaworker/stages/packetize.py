"""RTP headers.  Sequence number and timestamp follow from ``progress`` and the row's beginnings."""

from typing import Final

import numpy as np

from mediaworker.masks import every, some
from mediaworker.media import Batch, Media
from mediaworker.rtp.header import first_words
from mediaworker.stages.hush import Pause
from mediaworker.streams import Rows

WRITES: Final = frozenset({"header", "talking"})


def mark(media: Media, rows: Rows) -> None:
    """Let the next packets of rows bear the marker: media time jumps."""
    media.streams.talking[rows] = False


def packetize(media: Media, batch: Batch) -> None:
    """Write the headers of the rows that send."""
    streams, rows = media.streams, batch.rows
    sends = media.sending(rows)
    markers = ~streams.talking[rows]
    streams.talking[rows] = sends
    if media.hushing:  # noise is no talk: what comes behind it bears the marker
        streams.talking[rows] &= streams.pause[rows] == Pause.NONE
    if not every(sends):
        rows, markers = rows[sends], markers[sends]
    sequences = streams.sequence_base[rows] + streams.packets_sent[rows].astype(np.uint16)
    times = streams.media_time[rows] * streams.units[rows] + streams.timestamp_base[rows]
    types, events = streams.payload_type[rows], streams.in_event[rows]
    if media.hushing:
        noise = streams.pause[rows] != Pause.NONE
        types = np.where(noise, streams.noise_payload_type[rows].astype(np.uint8), types)
        markers = markers & ~noise
    if some(events):
        types = np.where(events, streams.events_payload_type[rows].astype(np.uint8), types)
        times = np.where(events, streams.digit_timestamp[rows], times)
        markers = np.where(events, streams.event_first[rows], markers)
    streams.header[rows, 0] = first_words(markers, types, sequences)
    streams.header[rows, 1] = times
    streams.header[rows, 2] = streams.ssrc[rows]
