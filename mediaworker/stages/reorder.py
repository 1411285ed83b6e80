"""The jitter buffer: audio packets in, in any order and of any length; frames out, in time.

Each row has a ring of samples.  ``play_timestamp`` says which RTP timestamp is played next and
``cursor`` where that lies, so that a packet ``ahead`` of it lies so far behind the cursor:

    ring  ....[ cursor = play_timestamp ][ ... ][ ahead: a packet ][ ... ]....

* The first packet is played when its row is due next after ``DEPTH``.
* A packet that is late makes all that comes after it be played later, by whole packets.  It is
  dropped unless it is the newest: then the buffer has run dry, and it still can be played.
* If no packet of a whole window waits less than ``DEPTH``, what is too much is skipped.
* After ``IDLE`` the peer is taken to be silent: the next packet begins anew unless it fits.
* A timestamp beyond the ring is a jump of the peer's clock: the ring is emptied and begins anew.
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.media import Batch, Media, Packets, Wave
from mediaworker.stages.receive import signed32
from mediaworker.streams import HEADER, LONGEST, RING, TICK, Rows

DEPTH: Final = 320
"""Samples, 40 ms."""
GROWTH: Final = 800
"""Samples by which one packet out of order can make all others later."""
IDLE: Final = 800
"""Samples without any packet, 100 ms."""
WINDOW: Final = 127
"""Sequence numbers of which these bits are zero end a window (every 2.5 s at 20 ms)."""
AMPLE: Final = 1 << 30

WRITES: Final = frozenset(
    {
        "ring",
        "cursor",
        "play_timestamp",
        "newest_timestamp",
        "slack",
        "gap",
        "coded",
        "complete",
        "public.packets_late",
    }
)


def store(media: Media, wave: Wave) -> None:
    """Put the audio of a wave into the rings."""
    packets = wave.audio
    if packets is None or not len(packets.rows):
        return
    sizes = np.minimum(packets.sizes, LONGEST)
    first = int(sizes[0])
    if (sizes == first).all():
        _store_alike(media, packets, first)
        return
    for size in np.unique(sizes).tolist():
        _store_alike(media, packets.only(sizes == size), size)


def fetch(media: Media, batch: Batch) -> None:
    """Take the next frame of each row: ``coded`` and whether it is ``complete``."""
    streams, rows, samples = media.streams, batch.rows, batch.samples
    at = streams.cursor[rows]
    coded = media.jitter.read(rows, at, samples)
    media.jitter.write(rows, at, samples, 0)
    streams.coded[rows, :samples] = coded
    streams.cursor[rows] = (at + samples) % RING
    streams.play_timestamp[rows] += np.uint32(samples)
    complete = coded.min(axis=1) > 0
    streams.complete[rows] = complete
    if complete.all():
        streams.gap[rows] = 0
        return
    gap = np.minimum(streams.gap[rows] + samples, IDLE)
    gap[coded.any(axis=1)] = 0
    streams.gap[rows] = gap


def _store_alike(media: Media, packets: Packets, size: int) -> None:
    """Store packets which are all of ``size`` samples."""
    streams, rows = media.streams, packets.rows
    ahead = signed32(packets.timestamps - streams.play_timestamp[rows])
    odd = (ahead < 0) | (ahead > RING - size)
    quiet = streams.gap[rows] >= IDLE
    if quiet.any():
        odd |= quiet & (ahead > 2 * DEPTH)
    if odd.any():
        packets, ahead = _settle(media, packets, ahead, odd, size)
        rows = packets.rows
    ends = (packets.timestamps + size) & 0xFFFF_FFFF
    _write(media, packets, (streams.cursor[rows] + ahead) % RING, size)
    later = signed32(ends - streams.newest_timestamp[rows]) > 0
    streams.newest_timestamp[rows[later]] = ends[later]
    waits = ahead + (streams.due[rows] - media.tick) * TICK
    streams.slack[rows] = np.minimum(streams.slack[rows], waits)
    if not (packets.sequences & WINDOW).all():
        _shrink(media, rows[packets.sequences & WINDOW == 0])


def _write(media: Media, packets: Packets, at: Column[np.int64], size: int) -> None:
    rows, begins = packets.rows, packets.begins
    if (begins == HEADER).all():
        payloads = media.streams.slots[rows, packets.slot, HEADER : HEADER + size]
    else:
        columns = begins[:, np.newaxis] + np.arange(size)
        payloads = media.streams.slots[rows[:, np.newaxis], packets.slot, columns]
    marks = packets.kinds.astype(np.uint16) << np.uint16(8)
    samples: Column[np.uint16] = payloads.astype(np.uint16)
    samples |= marks[:, np.newaxis]
    media.jitter.write(rows, at, size, samples)


def _settle(
    media: Media, packets: Packets, ahead: Column[np.int64], odd: Column[np.bool_], size: int
) -> tuple[Packets, Column[np.int64]]:
    """Decide on the packets that do not fit; return those to store and how far ahead they are."""
    keep = np.ones(len(ahead), np.bool_)
    for index in np.flatnonzero(odd).tolist():
        row, timestamp = int(packets.rows[index]), int(packets.timestamps[index])
        newest = bool(packets.newest[index])
        ahead[index], late = _place(media, row, timestamp, int(ahead[index]), size, newest)
        keep[index] = ahead[index] >= 0
        media.public.packets_late[row] += np.uint64(late)
    return packets.only(keep), ahead[keep]


def _place(
    media: Media, row: int, timestamp: int, ahead: int, size: int, newest: bool
) -> tuple[int, bool]:
    """Make room for a packet by moving time; say how far ahead it is then, and if it was late."""
    streams = media.streams
    play, stored = int(streams.play_timestamp[row]), int(streams.newest_timestamp[row])
    buffered = 0 < (stored - play) & 0xFFFF_FFFF < 0x8000_0000
    jumped = not -RING <= ahead <= RING - size
    if jumped or (streams.gap[row] >= IDLE and not buffered):
        return _begin(media, row, timestamp), False
    if ahead >= 0:
        return ahead, False
    more = -(ahead // size) * size
    if not newest:
        more = min(more, GROWTH)
    streams.play_timestamp[row] = (play - more) & 0xFFFF_FFFF
    return ahead + more if newest else ahead, True


def _begin(media: Media, row: int, timestamp: int) -> int:
    """Begin anew with a packet; return how far ahead it is."""
    streams = media.streams
    frame = int(streams.period[row]) * TICK
    wait = (int(streams.due[row]) - media.tick) * TICK
    ahead = max(0, -((wait - DEPTH) // frame) * frame)
    streams.ring[row] = 0
    streams.play_timestamp[row] = (timestamp - ahead) & 0xFFFF_FFFF
    streams.newest_timestamp[row] = timestamp
    streams.slack[row] = AMPLE
    return ahead


def _shrink(media: Media, rows: Rows) -> None:
    """Skip what was too early during the whole window, in whole frames."""
    streams = media.streams
    for row in rows.tolist():
        frame = int(streams.period[row]) * TICK
        excess = (int(streams.slack[row]) - DEPTH) // frame * frame
        streams.slack[row] = AMPLE
        if 0 < excess < RING:
            _skip(media, row, excess)


def _skip(media: Media, row: int, samples: int) -> None:
    streams = media.streams
    at = int(streams.cursor[row])
    streams.ring[row, (at + np.arange(samples)) % RING] = 0
    streams.cursor[row] = (at + samples) % RING
    streams.play_timestamp[row] = (int(streams.play_timestamp[row]) + samples) & 0xFFFF_FFFF
