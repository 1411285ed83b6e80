"""When a row is due: every packet time; brought near its peer's packets once; caught up if late."""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.masks import every, places
from mediaworker.media import Batch, Media, Wave
from mediaworker.streams import GRAIN, HEADER, Rows

CATCH_UP: Final = 5
"""Overdue frames that are sent at once; those before them are skipped, and a marker says so."""
TIME: Final = np.uint64(32)
ONE: Final = np.array(1, np.uint64)
HEADERS: Final = np.array(HEADER, np.uint64)

WRITES: Final = frozenset({"progress", "octets_sent", "due", "aligned", "public.packets_sent"})


def align(media: Media, wave: Wave) -> None:
    """With the first audio of a row, make it due as soon after its packets as may be.

    It waits least then, and they may be up to a tick later than the first.  It is only ever moved
    later: its own next packet is late by that, once.
    """
    streams = media.streams
    if wave.audio is None or every(streams.aligned[wave.audio.rows]):
        return
    rows = wave.audio.rows[~streams.aligned[wave.audio.rows]]
    soon = media.tick + GRAIN - media.tick % GRAIN
    streams.due[rows] += (soon - streams.due[rows]) % streams.period[rows]
    streams.aligned[rows] = True
    if media.grouped:
        for row in media.grouped.intersection(rows.tolist()):
            gather(media, row)


def gather(media: Media, row: int) -> None:
    """Let a row be due together with the others of its group, as if it were new there.

    Of two, that one is moved (later, and once) whose packets then wait less.
    """
    streams = media.streams
    rows = places(streams.group[: media.high] == streams.group[row])
    others = rows[rows != row]
    if not len(others):
        return
    known = others[streams.aligned[others]]
    if len(known) or not streams.aligned[row]:
        anchor, moved = known[0] if len(known) else others[0], np.array([row])
    else:
        anchor, moved = np.intp(row), others
    rhythm = np.minimum(streams.period[moved], streams.period[anchor])
    late: Column[np.int64] = (streams.due[anchor] - streams.due[moved]) % rhythm
    if len(rows) == 2 and streams.aligned[rows].all() and late[0] * 2 > rhythm[0]:
        streams.due[anchor] += rhythm[0] - late[0]
    else:
        streams.due[moved] += late


def pace(media: Media, batch: Batch) -> None:
    """Commit to the packets that are sent next, and set when the rows are due again."""
    streams, rows = media.streams, batch.rows
    sends, ticks = media.sending(rows), batch.ticks
    streams.progress[rows] += sends + np.array(ticks << 32, np.uint64)
    streams.due[rows] += ticks
    sending = rows if every(sends) else rows[sends]
    media.public.packets_sent[sending] += ONE
    streams.octets_sent[sending] += streams.packet_length[sending].view(np.uint64) - HEADERS


def skip(media: Media, rows: Rows) -> None:
    """Let media time jump over the frames that are too late to be sent."""
    streams = media.streams
    period = streams.period[rows]
    frames: Column[np.int64] = (media.tick - streams.due[rows]) // period - (CATCH_UP - 1)
    missed = np.maximum(frames, 0) * period
    streams.due[rows] += missed
    streams.progress[rows] += missed.astype(np.uint64) << TIME
