"""The jitter buffer, where packets come in: in any order, of any length, late or twice.

Each row has a buffer of samples, through which its ``cursor`` moves with the frames that ``fetch``
takes out.  The sample of an RTP timestamp lies as far behind ``origin`` as the clock says:

    [ zeros | what was heard lately | cursor: packets ... holes ... | filled: zeros ]
    origin                                                                   the end

* What was heard stays behind the cursor for a while: ``conceal`` and ``stretch`` work on it.
* A packet goes where its timestamp says.  One that does not fit is looked at alone (``anchor``):
  the first of all, one too late, one after a pause, one whose codec or clock is another.
* Before the end of its buffer a row is moved back to the beginning, several rows at once.
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.codecs.codec import Codec
from mediaworker.codecs.formats import FORMATS
from mediaworker.masks import each_kind, every, places, some
from mediaworker.media import Media, Packets, Wave
from mediaworker.stages import anchor, parking
from mediaworker.streams import BUFFER, HEADER, LONGEST, REACH, PayloadKind

LOWEST_LEVEL: Final = np.array(127, np.uint8)
NOISE_FLOOR: Final = np.array(128, np.uint8)

WRITES: Final = frozenset(
    {
        "buffer",
        "cursor",
        "origin",
        "filled",
        "received",
        "debt",
        "slack",
        "slack_before",
        "steady_at",
        "drifts_until",
        "gap",
        "lag",
        "noise",
        "heard",
        "public.packets_late",
        "public.frames_played",
        "public.frames_concealed",
    }
)
"""Of ``fetch``, too."""


def store(media: Media, wave: Wave) -> None:
    """Put the audio of a wave into the buffers."""
    packets = wave.audio
    if packets is None or not len(packets.rows):
        return
    for kind, same in each_kind(packets.kinds):
        chosen = packets if same is None else packets.only(same)
        if kind == PayloadKind.NOISE:
            _note_noise(media, chosen)
        elif FORMATS[Codec(kind)].coding is None:
            _store_each(media, chosen, Codec(kind))
        else:
            _store_sizes(media, chosen, Codec(kind))


def _note_noise(media: Media, packets: Packets) -> None:
    """Note how loud the peer's silence is; its next audio begins anew (RFC 3389 section 3)."""
    levels = _payloads(media, packets, 1)[:, 0] & LOWEST_LEVEL
    media.streams.noise[packets.rows] = np.maximum(NOISE_FLOOR - levels, 1)
    media.streams.received[packets.rows] = anchor.NOTHING


def _store_each(media: Media, packets: Packets, codec: Codec) -> None:
    """Store packets of decoders that must know those before them, or are at another rate."""
    for index, row in enumerate(packets.rows.tolist()):
        one = packets.only(np.array([index]))
        payload = _payloads(media, one, int(one.sizes[0])).tobytes()
        parking.park(media, row, codec, int(one.timestamps[0]), payload)


def _store_sizes(media: Media, packets: Packets, codec: Codec) -> None:
    longest = LONGEST * FORMATS[codec].sample_bytes
    sizes = packets.sizes
    first = int(sizes[0])
    if first <= longest and every(sizes == first):
        _store_alike(media, packets, codec, first)
        return
    sizes = np.minimum(sizes, longest)
    for size in np.unique(sizes).tolist():
        _store_alike(media, packets.only(sizes == size), codec, size)


def _store_alike(media: Media, packets: Packets, codec: Codec, size: int) -> None:
    """Store packets which are all of ``size`` bytes."""
    streams, rows, form = media.streams, packets.rows, FORMATS[codec]
    samples = size // form.sample_bytes
    at = anchor.places_of(packets.timestamps - streams.origin[rows], form)
    ahead = at - streams.cursor[rows]
    odd = ahead.view(np.uint64) > REACH * form.scale - samples
    odd |= streams.received[rows] != codec
    if some(odd):
        packets, at = _settle(media, packets, codec, at, odd, size)
        rows = packets.rows
        if not len(rows):
            return
        ahead = at - streams.cursor[rows]
    streams.slack[rows] = np.minimum(streams.slack[rows], ahead)
    assert form.coding is not None
    decoded = form.coding.decode(_payloads(media, packets, size))
    media.jitter[samples][rows * BUFFER + at] = decoded
    streams.filled[rows] = np.maximum(streams.filled[rows], at + samples)


def _payloads(media: Media, packets: Packets, size: int) -> Column[np.uint8]:
    rows, begins = packets.rows, packets.begins
    if begins is None:
        return media.streams.read(rows, packets.slot, HEADER, size)
    columns = begins[:, np.newaxis] + np.arange(size)
    slot = packets.slot if isinstance(packets.slot, int) else packets.slot[:, np.newaxis]
    payloads: Column[np.uint8] = media.streams.datagrams[rows[:, np.newaxis], slot, columns]
    return payloads


def _settle(
    media: Media,
    packets: Packets,
    codec: Codec,
    at: Column[np.int64],
    odd: Column[np.bool_],
    size: int,
) -> tuple[Packets, Column[np.int64]]:
    """Decide on the packets that do not fit; return those to store and where."""
    streams, samples = media.streams, size // FORMATS[codec].sample_bytes
    at, keep = at.copy(), np.ones(len(at), np.bool_)
    for index in places(odd).tolist():
        row, timestamp = int(packets.rows[index]), int(packets.timestamps[index])
        if streams.scale[row] != FORMATS[codec].scale:
            _store_each(media, packets.only(np.array([index])), codec)
            keep[index] = False
            continue
        place = anchor.place(media, row, codec, timestamp, samples)
        keep[index] = place is not None
        at[index] = place or 0
    return packets.only(keep), at[keep]
