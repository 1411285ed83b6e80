"""Payloads of the packets that are sent: audio, codec by codec, or an event.

A codec without memory works on all its rows at once, one with memory on each in turn.  It may find
that there is nothing to be said: then the packet is suppressed, and only time goes on.
"""

from typing import Final

import numpy as np

from mediaworker.codecs.codec import Codec, Memoryless
from mediaworker.codecs.formats import FORMATS
from mediaworker.masks import each_kind, every, some
from mediaworker.media import Batch, Media
from mediaworker.rtp.event import SIZE
from mediaworker.stages.hush import Pause
from mediaworker.streams import HEADER, Rows

WRITES: Final = frozenset({"payload", "packet_length", "suppressed"})


def encode(media: Media, batch: Batch) -> None:
    """Code what is said, or write the event that takes its place."""
    streams = media.streams
    rows, sends = batch.rows, streams.sends[batch.rows]
    if not every(sends):
        rows = rows[sends]
    if media.pausing:
        streams.suppressed[rows] = streams.offline[rows]
    if media.hushing:
        rows = _leave_out(media, rows)
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


def _leave_out(media: Media, rows: Rows) -> Rows:
    """Write comfort noise or nothing in place of silence; return the rows that are left."""
    streams, pauses = media.streams, media.streams.pause[rows]
    told = rows[pauses == Pause.TOLD]
    streams.payload[told, 0] = streams.noise_sent[told]
    streams.packet_length[told] = HEADER + 1
    streams.suppressed[rows[pauses == Pause.KEPT]] = True
    left: Rows = rows[pauses == Pause.NONE]
    return left


def _encode(media: Media, rows: Rows, samples: int, codec: Codec) -> None:
    coding = FORMATS[codec].coding
    if coding is None:
        _encode_each(media, rows, samples)
    else:
        _encode_together(media, rows, samples, coding)


def _encode_together(media: Media, rows: Rows, samples: int, coding: Memoryless) -> None:
    streams = media.streams
    payloads = coding.encode(streams.said[rows, :samples])
    size = payloads.shape[1]
    streams.payload[rows, :size] = payloads
    streams.packet_length[rows] = HEADER + size


def _encode_each(media: Media, rows: Rows, samples: int) -> None:
    streams = media.streams
    for row in rows.tolist():
        payload = media.coders.encoder(row).encode(streams.said[row, :samples])
        if not payload:
            streams.suppressed[row] = True
            continue
        size = len(payload)
        streams.payload[row, :size] = np.frombuffer(payload, np.uint8)
        streams.packet_length[row] = HEADER + size
