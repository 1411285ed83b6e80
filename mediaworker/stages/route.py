"""What each stream says: its sound, what its own peer or another one's says, a mix, or nothing.

In place of all that: the tones of a digit.

Another one is heard from its tap (``tap``), so the two may have different packet times and sample
rates; if they are due in the same tick, there is no delay.
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.masks import each_kind, places, some
from mediaworker.media import Batch, Media
from mediaworker.polyphase import between
from mediaworker.sources.dtmf import sound
from mediaworker.sources.resample import RATE
from mediaworker.stages.gain import turn
from mediaworker.stages.mix import mix
from mediaworker.stages.send_digits import latest
from mediaworker.streams import MILLISECOND, TAP, TICK, Kind, Rows

WRITES: Final = frozenset({"said", "tap_read", "tap_seen"})


def route(media: Media, batch: Batch) -> None:
    """Fill ``said``."""
    streams, rows = media.streams, batch.rows
    kinds = streams.source_kind[rows] * streams.sends[rows]
    for kind, same in each_kind(kinds):
        _say(media, batch if same is None else batch._replace(rows=rows[same]), Kind(kind))
    if media.rooms:
        _say_rooms(media, batch)
    if media.gained:
        turn(batch, streams.gain_out, streams.said)
    toned = streams.in_tone[rows]
    if some(toned):
        _dial(media, rows[toned], batch)


def _say(media: Media, batch: Batch, kind: Kind) -> None:
    streams, (rows, samples, _) = media.streams, batch
    match kind:
        case Kind.SILENCE:
            streams.said[rows, :samples] = 0
        case Kind.POOL:
            streams.said[rows, :samples] = streams.music[rows, :samples]
        case Kind.ECHO:
            streams.said[rows, :samples] = streams.heard[rows, :samples]
        case Kind.APPLICATION:
            streams.said[rows, :samples] = streams.spoken[rows, :samples]
        case Kind.LEG:
            _listen(media, batch)
        case Kind.MIX:
            _mix(media, batch)


def _dial(media: Media, rows: Rows, batch: Batch) -> None:
    """Let the tones of a digit take the place of the source."""
    streams, digit = media.streams, latest(media, rows)
    begins = streams.digit_elapsed[rows].astype(np.int64) - batch.ticks * TICK
    ends = streams.digit_lengths[rows, digit].astype(np.int64) * MILLISECOND
    sounds = sound(streams.digits[rows, digit], begins, ends, batch.samples, batch.scale)
    streams.said[rows, : batch.samples] = sounds


def _listen(media: Media, batch: Batch) -> None:
    """Say the next samples from the taps that rows listen to."""
    streams, rows = media.streams, batch.rows
    for scale, same in each_kind(streams.scale[streams.source_row[rows]]):
        those = rows if same is None else rows[same]
        samples = batch.samples * scale // batch.scale
        if scale == batch.scale:
            streams.said[those, :samples] = _read(media, those, samples, scale)
            continue
        way = between(scale * RATE, batch.scale * RATE)
        known = _read(media, those, samples, scale, way.history)
        said, _ = way.convert(known[:, way.history :], known[:, : way.history])
        streams.said[those, : batch.samples] = said


def _read(media: Media, rows: Rows, samples: int, scale: int, history: int = 0) -> Column[np.int16]:
    """Return the next samples of the taps, and those before them; silence where there are none."""
    streams = media.streams
    sources = streams.source_row[rows]
    written, position = streams.tap_written[sources], streams.tap_read[rows]
    packet = streams.period[sources] * scale * TICK
    late = packet - np.gcd(packet, samples)  # as rhythms may differ, a packet may be so late
    lag, waiting = samples + late, written - position
    anew = streams.tap_seen[rows] != streams.source_number[rows]
    anew |= waiting >= samples + packet + late
    position = np.where(anew, np.maximum(written - lag, 0), position)
    streams.tap_seen[rows] = streams.source_number[rows]
    heard = media.taps.read(sources, (position - history) % TAP, samples + history)
    ready = written - position >= samples
    heard[~ready] = 0
    streams.tap_read[rows] = position + np.where(ready, samples, 0)
    return heard


def _mix(media: Media, batch: Batch) -> None:
    """Say the mixes of rooms."""
    streams, rows = media.streams, batch.rows
    rooms = streams.source_row[rows]
    for room in set(rooms.tolist()):
        those = batch._replace(rows=rows[rooms == room])
        streams.said[those.rows, : batch.samples] = mix(media, media.rooms[room], those)


def _say_rooms(media: Media, batch: Batch) -> None:
    """Let rooms say all that is said in them: it is only recorded."""
    streams, rows = media.streams, batch.rows
    for place in places(streams.offline[rows]).tolist():
        one = batch._replace(rows=rows[place : place + 1])
        said = mix(media, media.rooms[int(rows[place])], one, whole=True)
        streams.said[one.rows, : batch.samples] = said
