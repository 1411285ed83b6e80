"""How good it is: losses in bursts and gaps, and scores by the E-model, for each stream.

Rows are looked at twice a second, many at once.  Each look judges the packets since the last one,
but for the newest ``LAG``, which may still come: all received is one addition, and only rows that
lost something are worked one by one.  Every ``INTERVAL`` what was lost in it makes a score, and an
event if the score is another grade than that which was told last.
"""

from typing import Final

import numpy as np

from bus.columns import Column
from bus.ids import StreamId
from bus.quality import GRADES, LEAST, grade_of
from bus.streams import StreamQuality
from mediaworker import emodel
from mediaworker.masks import every, places, some
from mediaworker.media import Media
from mediaworker.rtp import bursts
from mediaworker.rtp.bursts import C33, DISCARDED, LOST, RUN
from mediaworker.streams import MILLISECOND, TICK_NS, Rows

LAG: Final = 8
"""Packets that may be out of order."""
SEEN: Final = 64 - LAG
"""Packets that a look can judge one by one."""
JUMP: Final = 5000
"""Packets; more between two looks is another stream."""
INTERVAL: Final = 1000
"""Ticks, 5 s."""
SELDOM: Final = 2000
"""Ticks between two events of a row at least, 10 s."""
TICK_MS: Final = TICK_NS / 1e6
ONE: Final = np.array(1, np.uint64)

WRITES: Final = frozenset(
    {
        "judged_ssrc",
        "judged_sequence",
        "judged_late",
        "judged_lost",
        "bursts",
        "score_due",
        "scored_packets",
        "scored_lost",
        "scored_late",
        "rating",
        "grade",
        "grade_told_at",
        "public.loss_percent",
        "public.loss_percent_worst",
        "public.jitter_worst_ms",
        "public.round_trip_worst_ms",
        "public.mos",
        "public.mos_conversational",
        "public.mos_worst",
        "public.burst_density",
        "public.gap_density",
        "public.burst_ms",
        "public.gap_ms",
        "public.buffer_ms",
    }
)


def score(media: Media, rows: Rows) -> None:
    """Look at rows."""
    streams = media.streams
    rows = rows[streams.heard_any[rows]]
    if not len(rows):
        return
    _judge(media, rows)
    begun = streams.score_due[rows] == 0
    if some(begun):
        streams.score_due[rows[begun]] = media.tick + INTERVAL
    due = rows[streams.score_due[rows] <= media.tick]
    if len(due):
        streams.score_due[due] = media.tick + INTERVAL
        _score(media, due)


def conclude(media: Media, row: int) -> None:
    """Make the scores those of the whole stream, at its end."""
    if media.streams.heard_any[row]:
        rows = np.array([row])
        _judge(media, rows, lag=0)
        counts = media.public
        lost, late = counts.packets_lost[rows], counts.packets_late[rows]
        _rate(media, rows, counts.packets_received[rows] + lost, lost, late)


def _judge(media: Media, rows: Rows, lag: int = LAG) -> None:
    """Bring the counts of bursts up to the packets that are old enough."""
    streams = media.streams
    _begin(media, rows)
    end = streams.sequence_highest[rows] + 1 - lag
    new = np.maximum(end - streams.judged_sequence[rows], 0)
    late = media.public.packets_late[rows]
    lost = media.public.packets_lost[rows].astype(np.int64) - _pending(media, rows, lag)
    width = np.minimum(new, 64 - lag).astype(np.uint64)
    missing = ~(streams.sequence_seen[rows] >> np.array(lag, np.uint64))
    missing &= (ONE << width) - ONE
    plain = (missing == 0) & (new <= 64 - lag) & (late == streams.judged_late[rows])
    if every(plain):
        streams.bursts[rows, RUN] += new
    else:
        streams.bursts[rows[plain], RUN] += new[plain]
        gone = lost - streams.judged_lost[rows]
        for index in places(~plain).tolist():
            row, window = int(rows[index]), int(missing[index])
            _judge_row(media, row, int(new[index]), window, 64 - lag, int(gone[index]))
    streams.judged_sequence[rows] += new
    streams.judged_late[rows] = late
    streams.judged_lost[rows] = lost


def _pending(media: Media, rows: Rows, lag: int) -> Column[np.int64]:
    """Return how many of the packets that are too new to be judged are missing so far."""
    streams = media.streams
    expected = streams.sequence_highest[rows] + 1 - streams.sequence_first[rows]
    width = np.clip(expected, 0, lag).astype(np.uint64)
    newest = ~streams.sequence_seen[rows] & ((ONE << width) - ONE)
    bits = np.unpackbits(newest.view(np.uint8).reshape(-1, 8), axis=1)
    counts: Column[np.int64] = bits.sum(axis=1, dtype=np.int64)
    return counts


def _begin(media: Media, rows: Rows) -> None:
    """Begin with the first packet of a source, where it is another than before."""
    streams = media.streams
    ahead = streams.sequence_highest[rows] - streams.judged_sequence[rows]
    same = streams.judged_ssrc[rows] == streams.remote_ssrc[rows]
    same &= (ahead > -JUMP) & (ahead < JUMP)
    if not every(same):
        rows = rows[~same]
        streams.judged_ssrc[rows] = streams.remote_ssrc[rows]
        streams.judged_sequence[rows] = streams.sequence_first[rows]


def _judge_row(media: Media, row: int, new: int, missing: int, width: int, lost: int) -> None:
    """Count the losses of one row: bit n of ``missing`` is the packet n before the newest.

    ``lost`` are all that were since it was judged last, also those before ``missing``.
    """
    streams, counts = media.streams, media.streams.bursts[row].tolist()
    before = max(0, new - width)
    late = int(media.public.packets_late[row] - streams.judged_late[row])
    gone = min(before, max(0, lost - missing.bit_count()))
    counts[RUN] += before - gone
    for _ in range(gone):
        bursts.lose(counts, 0)
    after = 0
    for place in range(min(new, width) - 1, -1, -1):
        if missing >> place & 1:
            bursts.lose(counts, after)
            after = 0
        elif place < late:  # which of them came too late is not known: the latest, say
            bursts.lose(counts, after, discarded=True)
            after = 0
        else:
            after += 1
    counts[RUN] += after
    streams.bursts[row] = counts


def _score(media: Media, rows: Rows) -> None:
    """Score what came since the last time, if anything did."""
    streams, public = media.streams, media.public
    lost, late = public.packets_lost[rows], public.packets_late[rows]
    packets = public.packets_received[rows] + lost
    new = packets - streams.scored_packets[rows]
    new_lost = (lost - streams.scored_lost[rows]).view(np.int64)
    new_late = late - streams.scored_late[rows]
    streams.scored_packets[rows], streams.scored_lost[rows] = packets, lost
    streams.scored_late[rows] = late
    heard = (new > 0) & (new < JUMP * JUMP)  # duplicates may have made it less
    rows = rows[heard]
    if len(rows):
        _rate(media, rows, new[heard], np.maximum(new_lost[heard], 0), new_late[heard])
        _keep_worst(media, rows)
        _tell(media, rows)


def _rate(
    media: Media,
    rows: Rows,
    packets: Column[np.uint64],
    lost: Column[np.uint64] | Column[np.int64],
    late: Column[np.uint64],
) -> None:
    """Rate rows in which so many packets were to come, of which some were lost or too late."""
    streams, public = media.streams, media.public
    expected = np.maximum(packets.astype(np.float64), 1.0)
    percent = np.minimum(100 * (lost.astype(np.float64) + late) / expected, 100.0)
    counts = streams.bursts[rows].astype(np.float64)
    losses = counts[:, LOST] + counts[:, DISCARDED]
    total = public.packets_received[rows].astype(np.float64) + losses
    burst_ratio = emodel.burstiness(losses, losses - counts[:, C33], total)
    listening = emodel.BEST - emodel.loss_impairment(streams.codec[rows], percent, burst_ratio)
    buffer = buffered_ms(media, rows)
    delay = public.round_trip_ms[rows] / 2 + buffer + streams.period[rows] * TICK_MS
    rating = listening - emodel.delay_impairment(delay)
    public.loss_percent[rows] = np.minimum(100 * lost / expected, 100.0)
    public.buffer_ms[rows] = buffer
    public.mos[rows] = emodel.mos(listening)
    public.mos_conversational[rows] = emodel.mos(rating)
    streams.rating[rows] = np.clip(rating, 0.0, 100.0)
    for row in rows[losses > 0].tolist():
        packet_ms = int(streams.period[row]) * TICK_MS
        measured = bursts.measure(streams.bursts[row].tolist(), packet_ms)
        public.burst_density[row], public.gap_density[row] = measured[:2]
        public.burst_ms[row], public.gap_ms[row] = measured[2:]


def buffered_ms(media: Media, rows: Rows) -> Column[np.float64]:
    """Return how long what comes now will wait in the jitter buffer."""
    streams = media.streams
    samples = streams.filled[rows] - streams.cursor[rows]
    return np.maximum(samples / (MILLISECOND * streams.scale[rows]), 0.0)


def _keep_worst(media: Media, rows: Rows) -> None:
    public = media.public
    for worst, now in (
        (public.loss_percent_worst, public.loss_percent),
        (public.jitter_worst_ms, public.jitter_ms),
        (public.round_trip_worst_ms, public.round_trip_ms),
    ):
        worst[rows] = np.maximum(worst[rows], now[rows])
    before, now = public.mos_worst[rows], public.mos[rows]
    public.mos_worst[rows] = np.where(before == 0, now, np.minimum(before, now))


def _tell(media: Media, rows: Rows) -> None:
    """Tell of rows whose grade has changed; a stream begins as a good one."""
    streams, public = media.streams, media.public
    worse = (streams.grade[rows] > 0) | (public.mos_conversational[rows] < LEAST[GRADES[0]])
    told = streams.grade_told_at[rows]
    for row in rows[worse & ((told == 0) | (media.tick - told >= SELDOM))].tolist():
        before = GRADES[int(streams.grade[row])]
        grade = grade_of(float(public.mos_conversational[row]), before)
        if grade is before:
            continue
        streams.grade[row], streams.grade_told_at[row] = GRADES.index(grade), media.tick
        media.events.append(
            StreamQuality(
                stream=StreamId(int(public.stream[row])),
                grade=grade,
                mos=float(public.mos[row]),
                mos_conversational=float(public.mos_conversational[row]),
                loss_percent=float(public.loss_percent[row]),
                jitter_ms=float(public.jitter_ms[row]),
                round_trip_ms=float(public.round_trip_ms[row]),
            )
        )
