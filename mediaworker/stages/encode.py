"""Payloads of the packets that are sent: audio, codec by codec, or an event."""

from typing import Final

import numpy as np

from mediaworker.codecs.codec import Codec
from mediaworker.codecs.formats import FORMATS
from mediaworker.masks import each_kind, every, some
from mediaworker.media import Batch, Media
from mediaworker.rtp.event import SIZE
from mediaworker.streams import HEADER, Rows

WRITES: Final = frozenset({"payload", "packet_length"})


def encode(media: Media, batch: Batch) -> None:
    """Code what is said, or write the event that takes its place."""
    streams = media.streams
    rows, sends = batch.rows, streams.sends[batch.rows]
    if not every(sends):
        rows = rows[sends]
    in_event = streams.in_event[rows]
    if some(in_event):
        events = rows[in_event]
        payload = streams.event_payload[events].astype(">u4")
        streams.payload[events, :SIZE] = payload.view(np.uint8).reshape(-1, SIZE)
        streams.packet_length[events] = HEADER + SIZE
        rows = rows[~in_event]
    if len(rows):
        for codec, same in each_kind(streams.codec[rows]):
            _encode(media, rows if same is None else rows[same], batch.samples, Codec(codec))


def _encode(media: Media, rows: Rows, samples: int, codec: Codec) -> None:
    streams = media.streams
    payloads = FORMATS[codec].coding.encode(streams.said[rows, :samples])
    size = payloads.shape[1]
    streams.payload[rows, :size] = payloads
    streams.packet_length[rows] = HEADER + size
