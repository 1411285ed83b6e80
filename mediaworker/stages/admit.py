"""Who may talk: datagrams that are RTP and come from the row's peer; the rest is counted, dropped.

The peer is where its description says, unless that address stays silent and somebody else talks
(a peer behind NAT).  Then, in the first seconds only, a source that sent ``PATIENCE`` packets of
one SSRC in a row, and not all at once, is taken for the peer.  Whoever was heard first is the peer
from then on: no stranger can take over a running call (RTP bleed).
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.media import Media, Wave
from mediaworker.rtp.header import parse
from mediaworker.streams import PayloadKind

WINDOW: Final = 2000
"""Ticks from aiming in which the address may be learnt, 10 s."""
PATIENCE: Final = 4
"""Packets, of which the last is heard."""
SILENCE: Final = 10
"""Ticks that they must span: our peer may be about to speak."""

WRITES: Final = frozenset(
    {
        "peer",
        "rtcp_peer",
        "latched",
        "stranger",
        "stranger_ssrc",
        "stranger_since",
        "stranger_packets",
        "public.packets_strange",
    }
)


def admit(media: Media, wave: Wave) -> None:
    """Read the headers and find which datagrams go on: ``headers`` and ``admitted`` of the wave."""
    streams, rows = media.streams, wave.rows
    headers = wave.headers = parse(streams.slots[rows, wave.slot], wave.lengths)
    known = (streams.peer[rows] == wave.sources).all(axis=1)
    good = headers.valid & known
    if not streams.latched[rows].all():
        _settle(media, wave, good)
    if good.all():
        wave.admitted = np.arange(len(rows))
        return
    media.public.packets_strange[rows[~good]] += np.uint64(1)
    wave.admitted = np.flatnonzero(good)


def _settle(media: Media, wave: Wave, good: Column[np.bool_]) -> None:
    """Settle the addresses of rows that heard their peer; may turn strangers into peers."""
    streams, headers = media.streams, wave.headers
    assert headers is not None
    streams.latched[wave.rows[good]] = True
    open_ = headers.valid & ~streams.latched[wave.rows] & streams.aimed[wave.rows]
    for index in np.flatnonzero(open_).tolist():
        row = int(wave.rows[index])
        kind = streams.payload_kinds[row, headers.payload_types[index]]
        if kind != PayloadKind.UNKNOWN and media.tick - streams.aimed_at[row] < WINDOW:
            good[index] = _learn(media, row, wave.sources[index].tolist(), headers.ssrcs[index])


def _learn(media: Media, row: int, source: list[int], ssrc: int) -> bool:
    """Note a packet from somewhere else; True once its sender is taken for the peer."""
    streams = media.streams
    same = streams.stranger[row].tolist() == source and streams.stranger_ssrc[row] == ssrc
    count = min(int(streams.stranger_packets[row]) + 1, PATIENCE) if same else 1
    if count == 1:
        streams.stranger[row], streams.stranger_ssrc[row] = source, ssrc
        streams.stranger_since[row] = media.tick
    streams.stranger_packets[row] = count
    if count < PATIENCE or media.tick - streams.stranger_since[row] < SILENCE:
        return False
    high, low, port = source
    streams.peer[row] = source
    streams.rtcp_peer[row] = high, low, port + 1
    streams.latched[row] = True
    media.moved.append(row)
    return True
