"""Payloads of codecs with memory: each is decoded after the one before it.

One that is next is decoded at once.  Others are parked until those before them come, or until their
row's play-out needs them (``release``): then the decoder makes up what is missing, with the help of
the packet behind it if that bears some of it (forward error correction).
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.codecs.codec import Codec, stored
from mediaworker.media import Line, Media
from mediaworker.stages import anchor
from mediaworker.streams import Rows

FARTHEST: Final = 4000
"""Samples at 8 kHz from the packet expected, beyond which it is another one that is expected."""
LONGEST: Final = 960
"""Samples at 8 kHz that a decoder makes up at most, 120 ms."""
SHORTEST: Final = 20
"""Samples at 8 kHz that it makes up at least."""


def park(media: Media, row: int, codec: Codec, timestamp: int, payload: bytes) -> None:
    """Take a payload in."""
    form = anchor.form_of(media, row, codec)
    samples = media.coders.samples(codec, payload, form.scale)
    at = anchor.place(media, row, codec, timestamp, samples) if samples else None
    if at is None:
        return
    streams = media.streams
    streams.filled[row] = max(int(streams.filled[row]), at + samples)
    streams.slack[row] = min(int(streams.slack[row]), at - int(streams.cursor[row]))
    line = media.lines.get(row)
    if line is None or line.codec != codec:
        line = media.lines[row] = Line(codec, timestamp, {})
    ahead = at - anchor.place_of(line.next - int(media.streams.origin[row]), form)
    if abs(ahead) > FARTHEST * form.scale:
        line.parked.clear()
        line.next = timestamp
    elif ahead < 0:
        return  # something was made up for it
    line.parked[timestamp] = payload
    _advance(media, row, line)


def release(media: Media, rows: Rows) -> None:
    """Decode all that is parked in rows whose play-out needs it."""
    for row in rows.tolist():
        line = media.lines.get(row)
        while line is not None and line.parked:
            _make_up(media, row, line)
            _advance(media, row, line)


def _write(media: Media, row: int, at: int, samples: Column[np.int16]) -> None:
    """Put samples into a buffer, but for those whose time is over."""
    streams = media.streams
    begin = max(at, int(streams.cursor[row]))
    kept = samples[begin - at :]
    streams.buffer[row, begin : begin + len(kept)] = stored(kept)
    streams.filled[row] = max(int(streams.filled[row]), begin + len(kept))


def _advance(media: Media, row: int, line: Line) -> None:
    """Decode what is next, as long as it is there."""
    form = anchor.form_of(media, row, line.codec)
    while (payload := line.parked.pop(line.next, None)) is not None:
        samples = media.coders.decoder(row, line.codec, form.scale).decode(payload)
        at = anchor.place_of(line.next - int(media.streams.origin[row]), form)
        _write(media, row, at, samples)
        units = anchor.units_of(len(samples), form)
        line.next = (line.next + max(units, 1)) & 0xFFFF_FFFF


def _make_up(media: Media, row: int, line: Line) -> None:
    """Let the decoder make up what is missing before the first that is parked."""
    form = anchor.form_of(media, row, line.codec)
    first = min(line.parked, key=lambda timestamp: (timestamp - line.next) & 0xFFFF_FFFF)
    missing = anchor.place_of(first - line.next, form)
    if SHORTEST * form.scale <= missing <= LONGEST * form.scale:
        decoder = media.coders.decoder(row, line.codec, form.scale)
        made = decoder.recover(line.parked[first], missing)
        if len(made):  # else its codec cannot, and ``conceal`` does
            at = anchor.place_of(line.next - int(media.streams.origin[row]), form)
            _write(media, row, at, made)
            media.public.frames_concealed[row] += np.uint64(1)
    line.next = first
