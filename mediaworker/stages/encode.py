"""Payloads of the packets that are sent: audio by one look-up for all rows, or an event."""

from typing import Final

import numpy as np

from mediaworker.codecs.g711 import COMPRESS
from mediaworker.media import Batch, Media
from mediaworker.rtp.event import SIZE
from mediaworker.streams import HEADER, Rows

WRITES: Final = frozenset({"payload", "packet_length"})


def encode(media: Media, batch: Batch) -> None:
    """Compress what is said, or write the event that takes its place."""
    streams = media.streams
    rows = batch.rows[streams.sends[batch.rows]]
    if not len(rows):
        return
    streams.packet_length[rows] = HEADER + batch.samples
    in_event = streams.in_event[rows]
    if in_event.any():
        events = rows[in_event]
        payload = streams.event_payload[events].astype(">u4")
        streams.payload[events, :SIZE] = payload.view(np.uint8).reshape(-1, SIZE)
        streams.packet_length[events] = HEADER + SIZE
        rows = rows[~in_event]
    laws = streams.law[rows]
    for law in np.flatnonzero(np.bincount(laws)).tolist():
        _compress(media, rows[laws == law], batch.samples, law)


def _compress(media: Media, rows: Rows, samples: int, law: int) -> None:
    said = media.streams.said[rows, :samples].view(np.uint16)
    media.streams.payload[rows, :samples] = COMPRESS[law].take(said)
