"""One tick: receive, then the stages in order, each over all the rows at once, then send.

    datagrams --> waves --> unprotect > admit > receive > pace > reorder > ...    what arrived
    rows due  --> batches --> reorder > ... > play > tap                          what is heard
              --> batches --> exchange > ... > packetize > protect > pace > report  what is said

A stage says which columns it writes (those of other tables bear the table's name); each column has
one stage that writes it.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np

from bus.streams import StreamEvent
from mediaworker.masks import every, places, some
from mediaworker.media import Batch, Media, Wave
from mediaworker.net.backend import Backend
from mediaworker.stages import (
    admit,
    encode,
    exchange,
    fetch,
    hear_digits,
    hear_speech,
    hear_tones,
    hush,
    level,
    pace,
    packetize,
    play,
    protect,
    receive,
    record,
    reorder,
    report,
    route,
    score,
    send_digits,
    tap,
    unprotect,
    watch,
)
from mediaworker.streams import GRAIN, Rows


class Stage(NamedTuple):
    """A step of the tick and the only columns it may write."""

    name: str
    writes: frozenset[str]
    on_wave: Callable[[Media, Wave], None] | None = None
    on_batch: Callable[[Media, Batch], None] | None = None
    on_reports: Callable[[Media], None] | None = None
    on_jump: Callable[[Media, Rows], None] | None = None
    """Rows that are overdue, after the clock jumped."""
    on_look: Callable[[Media, Rows], None] | None = None
    """Streams that are looked at, each every ``LOOK`` ticks, when all is sent."""


LOOK: Final = 100
PARTS: Final = 4
"""Rows are looked at in so many parts, so that no tick has much to do."""

PIPELINE: Final = (
    Stage(
        "unprotect",
        unprotect.WRITES,
        on_wave=unprotect.unprotect,
        on_reports=unprotect.unprotect_reports,
    ),
    Stage("admit", admit.WRITES, on_wave=admit.admit),
    Stage("receive", receive.WRITES, on_wave=receive.receive),
    Stage("reorder", reorder.WRITES, on_wave=reorder.store, on_batch=fetch.fetch),
    Stage(
        "hear_digits",
        hear_digits.WRITES,
        on_wave=hear_digits.hear_digits,
        on_batch=hear_digits.end_digits,
    ),
    Stage("hear_tones", hear_tones.WRITES, on_batch=hear_tones.hear_tones),
    Stage("hear_speech", hear_speech.WRITES, on_batch=hear_speech.hear_speech),
    Stage("play", play.WRITES, on_batch=play.play),
    Stage("tap", tap.WRITES, on_batch=tap.tap),
    Stage("exchange", exchange.WRITES, on_batch=exchange.exchange),
    Stage("send_digits", send_digits.WRITES, on_batch=send_digits.send_digits),
    Stage("route", route.WRITES, on_batch=route.route),
    Stage("level", level.WRITES, on_batch=level.level),
    Stage("record", record.WRITES, on_batch=record.record),
    Stage("hush", hush.WRITES, on_batch=hush.hush),
    Stage("encode", encode.WRITES, on_batch=encode.encode),
    Stage("packetize", packetize.WRITES, on_batch=packetize.packetize, on_jump=packetize.mark),
    Stage("protect", protect.WRITES, on_batch=protect.protect),
    Stage("pace", pace.WRITES, on_wave=pace.align, on_batch=pace.pace, on_jump=pace.skip),
    Stage("report", report.WRITES, on_batch=report.send_reports, on_reports=report.hear_reports),
    Stage("watch", watch.WRITES, on_look=watch.watch),
    Stage("score", score.WRITES, on_look=score.score),
)

ON_WAVE: Final = (
    unprotect.unprotect,
    admit.admit,
    receive.receive,
    pace.align,  # before anything is stored, because it decides how long that waits
    reorder.store,
    hear_digits.hear_digits,
)
ON_BATCH: Final = tuple(stage.on_batch for stage in PIPELINE if stage.on_batch)
HEARING: Final = ON_BATCH[: ON_BATCH.index(tap.tap) + 1]
SAYING: Final = ON_BATCH[len(HEARING) :]
ON_REPORTS: Final = tuple(stage.on_reports for stage in PIPELINE if stage.on_reports)
ON_JUMP: Final = tuple(stage.on_jump for stage in PIPELINE if stage.on_jump)
ON_LOOK: Final = tuple(stage.on_look for stage in PIPELINE if stage.on_look)


def run_tick(media: Media, tick: int, now_ns: int, backend: Backend) -> list[StreamEvent]:
    """Work tick number ``tick`` (from ``clock``), which begins at monotonic ``now_ns``.

    Returns what happened: digits heard, digit queues that ran empty, sources that came to an end.
    Set ``media.wall_ns`` before it (reports bear it).  After ticks that were missed, rows catch up.
    """
    jumped = tick > media.tick + 1
    media.tick, media.now_ns = tick, now_ns
    if tick % GRAIN and tick >= media.settles_until and not jumped:
        return []
    backend.receive(media)
    arrive(media)
    if jumped:
        _jump(media)
    for _ in range(pace.CATCH_UP if jumped else 1):
        rows = due_rows(media)
        if not len(rows):
            break
        work(media, rows)
        backend.send(media, rows[media.sending(rows)])
    for each in media.reports_due:
        sealed = protect.sealed_report(media, each.row, each.datagram)
        backend.send_report(media, each._replace(datagram=sealed))
    media.reports_due.clear()
    if tick >= media.look_at:
        look(media)
    events, media.events = media.events, []
    return events


def look(media: Media) -> None:
    """Look at the streams whose turn it is."""
    media.look_at = media.tick + LOOK // PARTS
    media.part = (media.part + 1) % PARTS
    rows = places(media.streams.aimed[media.part : media.high : PARTS]) * PARTS + media.part
    if len(rows):
        for stage in ON_LOOK:
            stage(media, rows)


def arrive(media: Media) -> None:
    """Work on what the backend received."""
    for wave in media.waves:
        for stage in ON_WAVE:
            stage(media, wave)
    if media.reports_heard:
        for hear in ON_REPORTS:
            hear(media)


def due_rows(media: Media) -> Rows:
    """Return the rows that are due in this tick."""
    return places(media.streams.due[: media.high] <= media.tick)


def work(media: Media, rows: Rows) -> None:
    """Do one packet time's work for ``rows``; all that is heard is there before any is said."""
    together = list(batches(media, rows))
    for stages in (HEARING, SAYING):
        for batch in together:
            for stage in stages:
                stage(media, batch)


def batches(media: Media, rows: Rows) -> Iterator[Batch]:
    """Yield the rows of each packet time and sample rate."""
    scales, samples = media.streams.scale[rows], media.streams.frame[rows]
    scale, first = int(scales[0]), int(samples[0])
    if every(samples == first) and every(scales == scale):
        yield Batch(rows, first, scale)
        return
    forms = samples * 4 + scales
    for form in np.unique(forms).tolist():
        yield Batch(rows[forms == form], form // 4, form % 4)


def _jump(media: Media) -> None:
    """Skip what is too late for rows to be sent, after the tick stood still."""
    streams, rows = media.streams, due_rows(media)
    late = media.tick - streams.due[rows] >= pace.CATCH_UP * streams.period[rows]
    if some(late):
        for stage in ON_JUMP:
            stage(media, rows[late])
