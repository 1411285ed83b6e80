"""Who may talk: datagrams that are RTP and come from the row's peer; the rest is counted, dropped.

The peer is where its description says, unless that address stays silent and somebody else talks
(a peer behind NAT).  Then, in the first seconds only, a source that sent ``PATIENCE`` packets of
one SSRC in a row, and not all at once, is taken for the peer.  Whoever was heard first is the peer
from then on: no stranger can take over a running call (RTP bleed).
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.masks import every, places
from mediaworker.media import Media, Wave
from mediaworker.rtp.header import Headers, parse
from mediaworker.streams import PayloadKind

WINDOW: Final = 2000
"""Ticks from aiming in which the address may be learnt, 10 s."""
PATIENCE: Final = 4
"""Packets, of which the last is heard."""
SILENCE: Final = 10
"""Ticks that they must span: our peer may be about to speak."""
ONE: Final = np.array(1, np.uint64)

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
    """Find which datagrams go on."""
    streams, rows = media.streams, wave.rows
    headers = parse(streams.datagrams, rows, wave.slot, wave.lengths)
    same, good = streams.peer[rows] == wave.sources, headers.valid
    if not every(same):
        good = good & np.logical_and.reduce(same, axis=1)
    if not every(streams.latched[rows]):
        good = _settle(media, wave, headers, good)
    if every(good):
        wave.admitted = rows, headers
        return
    media.public.packets_strange[rows[~good]] += ONE
    wave.admitted = rows[good], headers.only(good)


def _settle(media: Media, wave: Wave, headers: Headers, good: Column[np.bool_]) -> Column[np.bool_]:
    """Settle the addresses of rows that heard their peer; may turn strangers into peers."""
    streams, rows = media.streams, wave.rows
    streams.latched[rows[good]] = True
    unsettled = headers.valid & ~streams.latched[rows] & streams.aimed[rows]
    good = good.copy()
    for index in places(unsettled).tolist():
        row = int(rows[index])
        kind = streams.payload_kinds[row, headers.payload_types[index]]
        if kind != PayloadKind.UNKNOWN and media.tick - streams.aimed_at[row] < WINDOW:
            source, ssrc = wave.sources[index].tolist(), int(headers.ssrcs[index])
            good[index] = _learn(media, row, source, ssrc)
    return good


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
