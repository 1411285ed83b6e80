"""Who fell silent: streams from which nothing comes any more although something should.

A stream should be heard while it sends and receives; one that is held, by either side, is not
watched, and counts from zero when it is taken back.  Spared is also who is allowed to be silent: a
peer whose last packets were comfort noise or telephone-events (discontinuous transmission).  Its
RTCP shows that it is there; if it never sent any, nothing can be said.

Rows are looked at twice a second, many at once, so silence is known that exactly.
"""

from typing import Final

import numpy as np

from bus.columns import Column
from bus.ids import StreamId
from bus.streams import StreamHeard, StreamSilent
from mediaworker.masks import some
from mediaworker.media import Media
from mediaworker.streams import TICK_NS, Rows

BETWEEN_REPORTS: Final = 3000
"""Ticks, 15 s: RTCP comes three times as often at least."""
LATELY: Final = 200
"""Ticks between the last packets of a stream, and no more."""
SECONDS: Final = TICK_NS / 1e9

WRITES: Final = frozenset({"heard_at", "watched_packets", "fallen_silent"})


def watch(media: Media, rows: Rows) -> None:
    """Look at rows: note who was heard, and tell who fell silent and who returned."""
    streams = media.streams
    packets = media.public.packets_received[rows]
    heard: Column[np.bool_] = packets != streams.watched_packets[rows]
    expected = streams.sends[rows] & streams.receives[rows]
    streams.watched_packets[rows] = packets
    _hear_again(media, rows[heard & expected & streams.fallen_silent[rows]])
    talks = heard | ~expected
    streams.fallen_silent[rows] &= ~talks
    streams.heard_at[rows[talks]] = media.tick
    if not media.patience:
        return
    since = np.maximum(streams.heard_at[rows], streams.aimed_at[rows])
    silent = media.tick - since >= media.patience
    silent &= ~streams.fallen_silent[rows]
    if some(silent):
        _miss(media, rows[silent])


def _hear_again(media: Media, rows: Rows) -> None:
    for row in rows.tolist():
        seconds = (media.tick - _since(media, row)) * SECONDS
        media.events.append(StreamHeard(stream=_stream(media, row), seconds=seconds))


def _miss(media: Media, rows: Rows) -> None:
    """Tell of those that are not allowed to be silent."""
    streams = media.streams
    for row in rows[~_spared(media, rows)].tolist():
        streams.fallen_silent[row] = True
        seconds = (media.tick - _since(media, row)) * SECONDS
        goodbye = bool(streams.heard_any[row]) and (
            streams.goodbye_ssrc[row] == streams.remote_ssrc[row]
        )
        silent = StreamSilent(stream=_stream(media, row), seconds=seconds, goodbye=bool(goodbye))
        media.events.append(silent)


def _spared(media: Media, rows: Rows) -> Column[np.bool_]:
    """Whose last packets say that others need not follow, and whose RTCP still comes."""
    streams = media.streams
    end = streams.heard_at[rows] - LATELY
    paused = streams.event_known[rows] & (streams.event_heard_at[rows] > end)
    reported = streams.report_heard_at[rows]
    patience = max(media.patience, BETWEEN_REPORTS)
    there = (reported == 0) | (media.tick - reported < patience)
    spared: Column[np.bool_] = paused & there
    return spared


def _since(media: Media, row: int) -> int:
    return max(int(media.streams.heard_at[row]), int(media.streams.aimed_at[row]))


def _stream(media: Media, row: int) -> StreamId:
    return StreamId(int(media.public.stream[row]))
