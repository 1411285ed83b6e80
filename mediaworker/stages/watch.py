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
from bus.settings import MediaSettings
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


def patience_of(settings: MediaSettings) -> int:
    """Return after how many ticks of silence signaling is told; 0: never."""
    asked = (settings.rtp_timeout, settings.rtp_timeout_hangup)
    return min((int(seconds / SECONDS) for seconds in asked if seconds), default=0)


def watch(media: Media, rows: Rows) -> None:
    """Look at rows: note who was heard, and tell who fell silent and who returned."""
    streams = media.streams
    packets = media.public.packets_received[rows]
    heard: Column[np.bool_] = packets != streams.watched_packets[rows]
    expected = streams.sends[rows] & streams.receives[rows]
    streams.watched_packets[rows] = packets
    _hear_again(media, rows[heard & expected & streams.fallen_silent[rows]])
    talks = heard | ~expected | (streams.aimed_at[rows] > streams.heard_at[rows])
    streams.fallen_silent[rows] &= ~talks
    streams.heard_at[rows[talks]] = media.tick
    if not media.patience:
        return
    silent = media.tick - streams.heard_at[rows] >= media.patience
    silent &= ~streams.fallen_silent[rows]
    if some(silent):
        _miss(media, rows[silent])


def _hear_again(media: Media, rows: Rows) -> None:
    for row in rows.tolist():
        media.events.append(StreamHeard(stream=_stream(media, row), seconds=_silence(media, row)))


def _miss(media: Media, rows: Rows) -> None:
    """Tell of those that are not allowed to be silent."""
    streams = media.streams
    for row in rows[~_spared(media, rows)].tolist():
        streams.fallen_silent[row] = True
        goodbye = streams.heard_any[row] & (streams.goodbye_ssrc[row] == streams.remote_ssrc[row])
        media.events.append(
            StreamSilent(
                stream=_stream(media, row), seconds=_silence(media, row), goodbye=bool(goodbye)
            )
        )


def _spared(media: Media, rows: Rows) -> Column[np.bool_]:
    """Whose last packets say that others need not follow, and whose RTCP still comes."""
    streams = media.streams
    end = streams.heard_at[rows] - LATELY
    paused = (streams.pause_heard_at[rows] > 0) & (streams.pause_heard_at[rows] > end)
    reported = streams.report_heard_at[rows]
    patience = max(media.patience, BETWEEN_REPORTS)
    there = (reported == 0) | (media.tick - reported < patience)
    spared: Column[np.bool_] = paused & there
    return spared


def _silence(media: Media, row: int) -> float:
    """Return its length in seconds."""
    return (media.tick - int(media.streams.heard_at[row])) * SECONDS


def _stream(media: Media, row: int) -> StreamId:
    return StreamId(int(media.public.stream[row]))
