"""Payloads of the packets that are sent: audio by one look-up for all rows, or an event."""

from typing import Final

import numpy as np

from mediaworker.codecs.g711 import COMPRESS
from mediaworker.masks import each_kind, every, some
from mediaworker.media import Batch, Media
from mediaworker.rtp.event import SIZE
from mediaworker.streams import HEADER, Rows

WRITES: Final = frozenset({"payload", "packet_length"})


def encode(media: Media, batch: Batch) -> None:
    """Compress what is said, or write the event that takes its place."""
    streams = media.streams
    rows, sends = batch.rows, streams.sends[batch.rows]
    if not every(sends):
        rows = rows[sends]
    streams.packet_length[rows] = HEADER + batch.samples
    in_event = streams.in_event[rows]
    if some(in_event):
        events = rows[in_event]
        payload = streams.event_payload[events].astype(">u4")
        streams.payload[events, :SIZE] = payload.view(np.uint8).reshape(-1, SIZE)
        streams.packet_length[events] = HEADER + SIZE
        rows = rows[~in_event]
    if len(rows):
        for law, same in each_kind(streams.law[rows]):
            _compress(media, rows if same is None else rows[same], batch.samples, law)


def _compress(media: Media, rows: Rows, samples: int, law: int) -> None:
    said = media.streams.said[rows, :samples].view(np.uint16)
    media.streams.payload[rows, :samples] = COMPRESS[law].take(said)
