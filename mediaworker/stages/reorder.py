"""The jitter buffer: audio packets in, in any order and of any length; frames out, in time.

Each row has a ring of samples.  ``play_timestamp`` says which RTP timestamp is played next and
``cursor`` where that lies, so that a packet ``ahead`` of it lies so far behind the cursor:

    ring  ....[ cursor = play_timestamp ][ ... ][ ahead: a packet ][ ... ]....

* The first packet is played when its row is due next after ``DEPTH``.
* A packet that is late makes all that comes after it be played later, by whole packets.  It is
  dropped unless it is the newest: then the buffer has run dry, and it still can be played.
* If more than ``DEPTH`` was always left during a whole ``WINDOW``, what is too much is skipped.
* After ``IDLE`` the peer is taken to be silent: the next packet begins anew unless it fits.
* A timestamp beyond the ring is a jump of the peer's clock: the ring is emptied and begins anew.
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.codecs.codec import Codec
from mediaworker.codecs.formats import FORMATS
from mediaworker.masks import each_kind, every, places, some
from mediaworker.media import Batch, Media, Packets, Wave
from mediaworker.streams import HEADER, LONGEST, RING, TICK, Rows

DEPTH: Final = 320
"""Samples, 40 ms."""
GROWTH: Final = 800
"""Samples by which one packet out of order can make all others later."""
IDLE: Final = 800
"""Samples without any packet, 100 ms."""
WINDOW: Final = 512
"""Ticks."""
AMPLE: Final = 1 << 30
WHOLE: Final = np.array(RING)
SILENT: Final = np.array(IDLE, np.int32)
EMPTY: Final = np.array(0, np.uint16)

WRITES: Final = frozenset(
    {
        "ring",
        "cursor",
        "play_timestamp",
        "newest_timestamp",
        "slack",
        "gap",
        "taken",
        "complete",
        "public.packets_late",
    }
)


def store(media: Media, wave: Wave) -> None:
    """Put the audio of a wave into the rings."""
    packets = wave.audio
    if packets is None or not len(packets.rows):
        return
    for codec, same in each_kind(packets.kinds):
        _store_sizes(media, packets if same is None else packets.only(same), Codec(codec))


def _store_sizes(media: Media, packets: Packets, codec: Codec) -> None:
    sizes = packets.sizes
    first = int(sizes[0])
    if first <= LONGEST and every(sizes == first):
        _store_alike(media, packets, codec, first)
        return
    sizes = np.minimum(sizes, LONGEST)
    for size in np.unique(sizes).tolist():
        _store_alike(media, packets.only(sizes == size), codec, size)


def fetch(media: Media, batch: Batch) -> None:
    """Take the next frame of each row: ``taken`` and whether it is ``complete``."""
    streams, rows, samples = media.streams, batch.rows, batch.samples
    at = streams.cursor[rows]
    taken = media.jitter.take(rows, at, samples)
    streams.taken[rows, :samples] = taken
    streams.cursor[rows] = (at + samples) % WHOLE
    play = streams.play_timestamp[rows] + np.array(samples, np.uint32)
    streams.play_timestamp[rows] = play
    left = (streams.newest_timestamp[rows] - play).view(np.int32)
    streams.slack[rows] = np.minimum(streams.slack[rows], left)
    if media.tick % WINDOW < batch.ticks:  # so each row once a window
        _shrink(media, rows, samples)
    complete = np.minimum.reduce(taken, axis=1) > EMPTY
    streams.complete[rows] = complete
    if every(complete):
        streams.gap[rows] = 0
        return
    gap = np.minimum(streams.gap[rows] + samples, IDLE)
    gap[taken.any(axis=1)] = 0
    streams.gap[rows] = gap


def _store_alike(media: Media, packets: Packets, codec: Codec, size: int) -> None:
    """Store packets which are all of ``size`` samples."""
    streams, rows = media.streams, packets.rows
    offsets = packets.timestamps - streams.play_timestamp[rows]
    ahead = offsets.view(np.int32)
    odd = offsets > RING - size  # also what is behind
    quiet = streams.gap[rows] >= SILENT
    if some(quiet):
        odd |= quiet & (ahead > 2 * DEPTH)
    if some(odd):
        packets, ahead = _settle(media, packets, ahead, odd, size)
        rows = packets.rows
    _write(media, packets, codec, (streams.cursor[rows] + ahead) % WHOLE, size)
    ends = packets.timestamps + np.array(size, np.uint32)
    later = (ends - streams.newest_timestamp[rows]).view(np.int32) > 0
    if every(later):
        streams.newest_timestamp[rows] = ends
    else:
        streams.newest_timestamp[rows[later]] = ends[later]


def _write(media: Media, packets: Packets, codec: Codec, at: Column[np.int64], size: int) -> None:
    rows, begins = packets.rows, packets.begins
    if begins is None:
        payloads = media.streams.datagrams[rows, packets.slot, HEADER : HEADER + size]
    else:
        columns = begins[:, np.newaxis] + np.arange(size)
        slot = packets.slot if isinstance(packets.slot, int) else packets.slot[:, np.newaxis]
        payloads = media.streams.datagrams[rows[:, np.newaxis], slot, columns]
    media.jitter.write(rows, at, size, FORMATS[codec].coding.decode(payloads))


def _settle(
    media: Media, packets: Packets, ahead: Column[np.int32], odd: Column[np.bool_], size: int
) -> tuple[Packets, Column[np.int32]]:
    """Decide on the packets that do not fit; return those to store and how far ahead they are."""
    ahead, keep = ahead.copy(), np.ones(len(ahead), np.bool_)
    for index in places(odd).tolist():
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


def _shrink(media: Media, rows: Rows, frame: int) -> None:
    """Skip what was left during the whole window, in whole frames, down to ``DEPTH``."""
    streams = media.streams
    excess = (streams.slack[rows] - DEPTH) // frame * frame
    streams.slack[rows] = AMPLE
    for index in places((excess > 0) & (excess < RING)).tolist():
        _skip(media, int(rows[index]), int(excess[index]))


def _skip(media: Media, row: int, samples: int) -> None:
    streams = media.streams
    at = int(streams.cursor[row])
    streams.ring[row, (at + np.arange(samples)) % RING] = 0
    streams.cursor[row] = (at + samples) % RING
    streams.play_timestamp[row] = (int(streams.play_timestamp[row]) + samples) & 0xFFFF_FFFF
