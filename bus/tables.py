"""The tables that cross processes: what *is*, for any process of the same user to map read-only.

Row numbers mean nothing outside the worker: find a row by its ``stream``.
"""

import numpy as np

from bus.columns import Table, column


class PublicStreams(Table):
    """One row a stream of a worker.  0 in ``stream`` is a free row."""

    stream = column(np.uint64)
    level_received = column(np.float32)
    """dBov of the last frame played from the peer (-127 is silence), RFC 6464."""
    level_sent = column(np.float32)
    packets_received = column(np.uint64)
    packets_sent = column(np.uint64)
    packets_lost = column(np.uint64)
    packets_late = column(np.uint64)
    packets_strange = column(np.uint64)
    """From an address that is not the peer's, or not RTP at all; dropped."""
    packets_unauthentic = column(np.uint64)
    """Packets and reports that are not protected by the peer's SRTP key; dropped."""
    packets_replayed = column(np.uint64)
    """Protected ones that came before, or far too late; dropped."""
    frames_played = column(np.uint64)
    frames_concealed = column(np.uint64)
    jitter_ms = column(np.float32)
    """RFC 3550 interarrival jitter."""
    remote_lost = column(np.uint64)
    remote_jitter_ms = column(np.float32)
    round_trip_ms = column(np.float32)
    mos = column(np.float32)
    """As the peer is heard (E-model, ``mediaworker.emodel``), of the last five seconds in which it
    was; 0: not known yet.  So are the next two."""
    mos_conversational = column(np.float32)
    """The same with the delay both ways."""
    loss_percent = column(np.float32)
    mos_worst = column(np.float32)
    """Of any five seconds, as are the other worst ones."""
    loss_percent_worst = column(np.float32)
    jitter_worst_ms = column(np.float32)
    round_trip_worst_ms = column(np.float32)
    buffer_ms = column(np.float32)
    """Delay of the jitter buffer."""
    burst_density = column(np.float32)
    """Share of packets lost or late in bursts, since the beginning (RFC 3611 section 4.7.2)."""
    gap_density = column(np.float32)
    burst_ms = column(np.float32)
    """Mean length of bursts."""
    gap_ms = column(np.float32)
    remote_mos = column(np.float32)
    """How the peer's reports score what it hears of us (RFC 3611); 0: it does not say."""
    remote_loss_percent = column(np.float32)
    """Since its report before."""


class WorkerState(Table):
    """One row: the worker itself.  Lies in the same run directory, ``<worker>.state``."""

    pid = column(np.uint64)
    tick = column(np.uint64)
    """Counts up by one a tick; standing still is being hung."""
    tick_ns = column(np.uint64)
    """CPU time of the last tick."""
    late_ns = column(np.uint64)
    """How late the last tick began."""
    overruns = column(np.uint64)
