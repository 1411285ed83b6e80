"""The private tables of a worker: a row for each media stream, and the recordings it makes.

What a peer sees of a stream (packets out) and what we know of it (packets in) is here and in
``bus.tables.PublicStreams`` under the same row number, and nowhere else: no object per call.

Columns are grouped by who writes them.  Those of the first group are set by commands
(``mediaworker.rows``); every other column has one stage as its writer, and a command only sets it
back to its beginning when the row is taken.

Instants are tick numbers (a tick is 5 ms).  Audio of a row is at 8 or 16 kHz, as its codec is: its
``scale`` is 1 or 2, and lengths in samples are such samples unless said otherwise.
"""

from __future__ import annotations

import mmap
import sys
from enum import IntEnum
from pathlib import Path
from typing import Final

import numpy as np

from bus.columns import Column, Table, column
from mediaworker.pairs import FINEST_PAST, TURNS
from mediaworker.rtp.bursts import COUNTS
from mediaworker.rtp.srtp import LONGEST_MASTER, LONGEST_TAG

TICK_NS: Final = 5_000_000
TICK: Final = 40
"""Samples of a tick at 8 kHz."""
GRAIN: Final = 2
"""Rows are due in ticks that are multiples of it, and datagrams are received then: two ticks
together cost hardly more than one.  Every packet time is a multiple of it."""
FRAME: Final = 160
"""Samples of 20 ms at 8 kHz."""
LONGEST: Final = 960
"""Samples of the longest packet, 60 ms at 16 kHz."""

HEADER: Final = 12
PACKET: Final = 1472
"""Bytes of a packet that is sent, header included: what fits into one Ethernet frame."""
SLOTS: Final = 16
"""Datagrams a row can receive in one tick; more wait in the socket."""
OFFSET: Final = 48
"""Bytes of a slot before its datagram, for the source; the first is 0 until a datagram is there."""
DATAGRAM: Final = PACKET + 1
"""Bytes that a slot has room for; a datagram that takes all of them was longer, and is dropped."""
SLOT: Final = 1600
"""Bytes: an odd number of cache lines, so that the rows do not all use the same cache sets."""
BUFFER: Final = 14336
"""Samples of the jitter buffer."""
REACH: Final = 3600
"""Samples at 8 kHz that a packet can be ahead of what is played, 450 ms."""
PAST: Final = 880
"""Samples at 8 kHz that are kept of what was heard."""
BASE: Final = PAST + 240
"""Where in the buffer a row begins, samples at 8 kHz."""
TAP: Final = 9600
"""Samples kept of what a peer says, for those that listen to it."""
MILLISECOND: Final = 8
"""Samples."""
AUDIO_PAST: Final = 48
"""Samples that ``polyphase`` looks back between 8 and 16 kHz."""
DIGITS: Final = 1024
"""Digits that can wait."""
SOURCES: Final = 8
"""SSRCs of a peer whose SRTP indexes are remembered, so that nothing old can be replayed."""
ADDRESS: Final = 3
"""64-bit words of an address: two of IPv6 (IPv4 is mapped) and one with the port."""
NEVER: Final = 1 << 62

LITTLE: Final = sys.byteorder == "little"

RECORDINGS: Final = 256
RINGS: Final = 256
"""Streams whose audio applications can have at the same time."""
RECORDING_FRAMES: Final = 256

Rows = Column[np.intp]
"""The rows that a stage works on, as an index array; no row is in it twice."""
Slot = int | Column[np.intp]
"""Where a datagram lies in each of some rows; a number if it is the same in all of them."""


def slot_of(slot: Slot, which: Column[np.bool_] | Column[np.intp] | int) -> Slot:
    """Return the slots of some of the rows, or of one."""
    return slot if isinstance(slot, int) else slot[which]


class Kind(IntEnum):
    """Where the sound comes from that a stream sends (column ``source_kind``)."""

    SILENCE = 0
    POOL = 1
    ECHO = 2
    LEG = 3
    APPLICATION = 4
    MIX = 5


class PayloadKind(IntEnum):
    """What a payload type stands for (column ``payload_kinds``), if it is no ``Codec``."""

    NOISE = 253
    """Comfort noise (RFC 3389)."""
    EVENTS = 254
    UNKNOWN = 255


class Streams(Table):
    """Media state of every call, column by column."""

    # ---------------------------------------------------------------- set by commands (rows.py)
    live = column(np.bool_)
    """The row is a stream: it ticks."""
    offered_peer = column(np.uint64, ADDRESS)
    """Where the peer said that it is, see ``net.address``; all zero until aimed."""
    rtcp_mux = column(np.bool_)
    """RTCP goes with RTP (RFC 5761): to the same place, from the same port."""
    aimed = column(np.bool_)
    aimed_at = column(np.int64)
    sends = column(np.bool_)
    receives = column(np.bool_)
    caller_is_remote = column(np.bool_)
    codec = column(np.uint8)
    """Of what we send, a ``Codec``."""
    scale = column(np.uint8)
    """Samples of the row's audio to one at 8 kHz."""
    units = column(np.uint32)
    """By which the RTP timestamps that we send grow in a tick."""
    payload_type = column(np.uint8)
    events_payload_type = column(np.int16)
    """-1: the peer takes no telephone-events."""
    events_clock = column(np.uint32)
    """Hz, of the durations of telephone-events."""
    noise_payload_type = column(np.int16)
    """-1: the peer takes no comfort noise, so silence is sent."""
    payload_kinds = column(np.uint8, 128)
    """By payload type: a ``Codec`` or a ``PayloadKind``."""
    period = column(np.int64)
    """Packet time in ticks, 2 to 12."""
    frame = column(np.int64)
    """Samples of a packet."""
    ssrc = column(np.uint32)
    sequence_base = column(np.uint16)
    timestamp_base = column(np.uint32)
    entropy = column(np.uint32)
    """Varies the interval of reports, and is part of CNAME."""
    released_at = column(np.int64)
    """When the row was closed last, monotonic ns."""
    source_kind = column(np.uint8)
    source_offset = column(np.int64)
    """In the pool."""
    source_length = column(np.int64)
    source_loop = column(np.bool_)
    source_row = column(np.int64)
    source_begin = column(np.int64)
    """Its sample to begin with."""
    source_number = column(np.uint32)
    """Counts the changes of source, so that ``play`` sees that it begins anew."""
    held = column(np.bool_)
    """The source plays over another one, which waits (``sounding``)."""
    waiting_kind = column(np.uint8)
    waiting_offset = column(np.int64)
    waiting_length = column(np.int64)
    waiting_loop = column(np.bool_)
    waiting_row = column(np.int64)
    waiting_begin = column(np.int64)
    """Where it goes on."""
    hears_tones = column(np.bool_)
    """Digits are looked for in the peer's audio."""
    watches = column(np.bool_)
    """Somebody wants to know when the peer speaks."""
    tapped = column(np.bool_)
    """Somebody listens to what the peer of this row says."""
    group = column(np.int64)
    """Rows of one group are due together: those of a bridge or of a mix; 0: none."""
    room = column(np.int64)
    """Row of the mix it belongs to, plus 1; 0: none."""
    room_gain = column(np.float32)
    """By which it is heard there; 0: not at all."""
    whispers = column(np.int64)
    """The only row that hears it there, plus 1; 0: all do."""
    offline = column(np.bool_)
    """It has no peer: it is the mix of a room, and says what the room is played."""
    gain_in = column(np.float32)
    """By which what the peer says is multiplied, and what it hears."""
    gain_out = column(np.float32)
    recording = column(np.int16)
    """Row of ``Recordings``, -1 if none."""
    audio = column(np.uint16)
    """Row of ``bus.audio_rings``, plus 1; 0: none."""
    audio_scale = column(np.uint8)
    """Samples there to one at 8 kHz."""
    digits = column(np.uint8, DIGITS)
    """RFC 4733 event codes."""
    digit_tones = column(np.bool_, DIGITS)
    """To be sent as tones in the audio, not as events."""
    digit_lengths = column(np.uint16, DIGITS)
    """Milliseconds, as are ``digit_gaps``."""
    digit_gaps = column(np.uint16, DIGITS)
    digits_queued = column(np.uint32)
    """Digits ever queued; the next lies at ``digits_queued % DIGITS``."""
    suite = column(np.uint8)
    """SRTP, a ``rtp.srtp.Suite``."""
    master_out = column(np.uint8, LONGEST_MASTER)
    """Key and salt of what we send; ``Media.protected`` has what follows from it."""
    master_in = column(np.uint8, LONGEST_MASTER)
    salt_out = column(np.uint64, 2)
    """Session salts of packets, as ``rtp.srtp.Context`` has them."""
    salt_in = column(np.uint64, 2)
    index_base = column(np.uint64)
    """What is subtracted from ``sequence_base + packets_sent``: that, 48 bits, is the index."""

    # -------------------------------------------------------------------------------- net (backend)
    slots = column(np.uint8, SLOTS, SLOT)
    """What arrived; ``datagrams`` is a view of it."""

    # ------------------------------------------------------------------------------ unprotect
    source_place = column(np.uint8)
    """Where the source is that was heard last, in the columns that follow."""
    sources_known = column(np.uint32)
    """Ever; the next one takes the place of the oldest."""
    source_ssrcs = column(np.uint32, SOURCES)
    source_indexes = column(np.int64, SOURCES)
    """SRTP indexes that come next, one above the highest; 0: none was heard."""
    source_windows = column(np.uint64, SOURCES)
    """Bit n: the packet n before the highest was received."""
    source_report_indexes = column(np.int64, SOURCES)
    """Of SRTCP, as is the next."""
    source_report_windows = column(np.uint64, SOURCES)

    # ---------------------------------------------------------------------------------- admit
    peer = column(np.uint64, ADDRESS)
    """Where we send RTP, and whom we hear: as offered, until it is learnt to be elsewhere."""
    rtcp_peer = column(np.uint64, ADDRESS)
    latched = column(np.bool_)
    """The peer was heard: its address is settled."""
    stranger = column(np.uint64, ADDRESS)
    """Who may be the peer, if the offered address stays silent."""
    stranger_ssrc = column(np.uint32)
    stranger_since = column(np.int64)
    stranger_packets = column(np.uint8)

    # -------------------------------------------------------------------------------- receive
    heard_any = column(np.bool_)
    remote_ssrc = column(np.uint32)
    sequence_first = column(np.int64)
    sequence_highest = column(np.int64)
    """Extended by its cycles."""
    sequence_seen = column(np.uint64)
    """Bit n: the packet n before the highest was received."""
    sequence_received = column(np.int64)
    """Packets of this SSRC, duplicates included (RFC 3550 A.3)."""
    sequence_doubled = column(np.int64)
    lost_before = column(np.int64)
    """Lost by the SSRCs before this one."""
    candidate_ssrc = column(np.uint32)
    candidate_sequence = column(np.int32)
    """A packet like this would be the second in a row from a new source; -1 if none."""
    transit = column(np.uint32)
    jitter = column(np.float32)
    """RFC 3550 A.8, in samples."""
    pause_heard_at = column(np.int64)
    """Tick of the last packet that is no audio: comfort noise, a telephone-event; 0: none."""

    # -------------------------------------------------------------------------------- reorder
    buffer = column(np.uint16, BUFFER)
    """The jitter buffer, samples as ``codecs.codec`` stores them: 0 is a hole."""
    cursor = column(np.int64)
    """Index in ``buffer`` of the next sample to play."""
    filled = column(np.int64)
    """Index behind the latest sample."""
    origin = column(np.uint32)
    """RTP timestamp that index 0 would have."""
    received = column(np.uint8)
    """The ``Codec`` of what is in the buffer, or what ``anchor`` says."""
    debt = column(np.int64)
    """Samples made up while the buffer was dry."""
    slack = column(np.int64)
    """The least by which packets of this window were ahead of the cursor, samples."""
    slack_before = column(np.int64)
    """In the window before."""
    steady_at = column(np.int64)
    """From when on frames may be made shorter."""
    drifts_until = column(np.int64)
    """Until then the peer's clock is taken to be slow, and more is kept in hand."""
    gap = column(np.int32)
    """Samples of hole just before the cursor; from ``IDLE`` on the peer is taken to be silent."""
    noise = column(np.uint8)
    """While the peer is silent: how loud its comfort noise is, 128 + dBov; 0 is none."""
    lag = column(np.int32)
    """Samples of a pitch period before the hole."""
    heard = column(np.int16, LONGEST)
    """What the peer says, without holes."""

    # ------------------------------------------------------------------------ play, exchange, route
    tap = column(np.int16, TAP)
    tap_written = column(np.int64)
    tap_at = column(np.int64)
    """When it was written last, and for the ticks of a packet from then on."""
    tap_read = column(np.int64)
    """Position in the tap of ``source_row``."""
    tap_seen = column(np.uint32)
    music = column(np.int16, LONGEST)
    source_position = column(np.int64)
    source_seen = column(np.uint32)
    """The ``source_number`` that is being played."""
    spoken = column(np.int16, LONGEST)
    """What an application says."""
    audio_heard = column(np.int64)
    """Samples that it was given, and taken from it."""
    audio_said = column(np.int64)
    audio_missing = column(np.int64)
    heard_past = column(np.int16, AUDIO_PAST)
    """Ends of what was converted to its sample rate, and from it."""
    said_past = column(np.int16, AUDIO_PAST)
    said = column(np.int16, LONGEST)
    """What we say."""

    # -------------------------------------------------------------------------- digits, both ways
    event_active = column(np.bool_)
    event_known = column(np.bool_)
    event_code = column(np.uint8)
    event_started = column(np.uint32)
    """Timestamp of the event, which is its name."""
    event_ssrc = column(np.uint32)
    event_before = column(np.uint32)
    """Duration of its earlier segments (RFC 4733 section 2.5.1.3)."""
    event_length = column(np.uint32)
    """Duration, in units of ``events_clock``."""
    event_heard_at = column(np.int64)

    tone_past = column(np.int16, FINEST_PAST)
    """The end of what was looked through for tones."""
    tone_turns = column(np.complex64, TURNS)
    tone_code = column(np.int8)
    """The digit that is heard as tones."""
    tone_windows = column(np.uint16)
    """Windows that held it; 0: none is heard."""
    tone_pure = column(np.bool_)
    """One of them held hardly anything else."""
    tone_quiet = column(np.uint8)
    """Windows since."""

    speaks = column(np.bool_)
    speech_ticks = column(np.int16)
    """Ticks for which it has seemed otherwise."""
    speech_noise = column(np.float32)
    """dBov."""
    speech_tonal = column(np.float32)
    """dB, see ``hear_speech.unexplained``; 0 while it is quiet."""
    speech_since = column(np.int64)

    digit_phase = column(np.uint8)
    digits_sent = column(np.uint32)
    """Digits ever begun."""
    digit_elapsed = column(np.uint32)
    """Samples at 8 kHz that were sent of it, this packet included."""
    digit_timestamp = column(np.uint32)
    """Of this segment of it."""
    digit_before = column(np.uint32)
    """Duration of its earlier segments."""
    digit_ends = column(np.uint8)
    """Packets sent that say that the event is over."""
    digit_quiet = column(np.uint32)
    """Samples at 8 kHz since it was over."""
    in_event = column(np.bool_)
    """This packet is a telephone-event."""
    in_tone = column(np.bool_)
    """This packet bears the tones of a digit, or the silence after them."""
    event_first = column(np.bool_)
    event_payload = column(np.uint32)
    """The four bytes of it, as a number."""

    # --------------------------------------------------------------------------- record and sending
    recording_scale = column(np.uint8)
    """Samples there to one at 8 kHz."""
    recorded = column(np.int64)
    packet = column(np.uint8, PACKET)
    """The datagram: ``header`` and ``payload`` are views of it."""
    packet_length = column(np.int64)
    pause = column(np.uint8)
    """A ``stages.hush.Pause``: whether there is silence, and a packet in place of it."""
    quiet_for = column(np.int16)
    """Ticks for which what we say has been silence."""
    noise_sent = column(np.uint8)
    """How loud we said that it is, -dBov."""
    noise_sent_at = column(np.int64)
    """In which tick."""
    suppressed = column(np.bool_)
    """There is nothing to be said, and the peer needs no packet for that."""
    talking = column(np.bool_)
    """The packet before this was sent too; if not the next bears the marker."""
    progress = column(np.uint64)
    """Packets sent, and in the upper 32 bits media time in ticks: all that a successor needs.

    Written once a packet, before it is sent.  ``packets_sent`` and ``media_time`` are views of it.
    """
    octets_sent = column(np.uint64)
    """Of payload."""
    due = column(np.int64)
    """Tick in which the row is worked next."""
    aligned = column(np.bool_)

    # -------------------------------------------------------------------------------- protect
    sealed = column(np.uint8, PACKET + LONGEST_TAG)
    """The packet as SRTP."""
    sealed_length = column(np.int64)
    """0: the packet is sent as it is."""
    reports_sealed = column(np.uint32)
    """The index of the next SRTCP report."""

    # --------------------------------------------------------------------------------- report
    report_due = column(np.int64)
    reported_expected = column(np.int64)
    reported_received = column(np.int64)
    report_count = column(np.uint32)
    remote_report = column(np.uint32)
    """Middle 32 bits of the NTP time in the peer's last sender report."""
    remote_report_at = column(np.int64)
    """When it came, monotonic ns."""
    remote_reference = column(np.uint32)
    """The same of its last reference time (RFC 3611 section 4.4)."""
    remote_reference_at = column(np.int64)
    report_heard_at = column(np.int64)
    """Tick of the peer's last report; 0: none."""
    goodbye_ssrc = column(np.uint32)
    """Of the peer's last BYE."""

    # ---------------------------------------------------------------------------- watch, score
    heard_at = column(np.int64)
    """Tick in which the row was looked at last and something had come, or nothing should."""
    watched_packets = column(np.uint64)
    """Packets received by then, as are ``judged`` and ``scored`` columns of the last such time."""
    fallen_silent = column(np.bool_)
    """That it is silent was told."""
    judged_ssrc = column(np.uint32)
    judged_sequence = column(np.int64)
    """The next packet to be judged."""
    judged_late = column(np.uint64)
    judged_lost = column(np.int64)
    bursts = column(np.int64, COUNTS)
    """See ``rtp.bursts``."""
    score_due = column(np.int64)
    scored_packets = column(np.uint64)
    """That were to come, lost ones too."""
    scored_lost = column(np.uint64)
    scored_late = column(np.uint64)
    rating = column(np.float32)
    """R of the E-model, with the delay."""
    grade = column(np.uint8)
    """Place in ``bus.quality.GRADES``."""
    grade_told_at = column(np.int64)

    def __init__(self, rows: int, memory: mmap.mmap, path: Path | None = None) -> None:
        super().__init__(rows, memory, path)
        self.datagrams: Column[np.uint8] = self.slots[:, :, OFFSET : OFFSET + DATAGRAM]
        self.pieces: dict[tuple[int, int], Column[np.void]] = {}
        """Views of all slots, for ``read``, by where in the datagram they begin and their size."""
        self.header: Column[np.uint32] = self.packet[:, :HEADER].view(">u4")
        self.payload: Column[np.uint8] = self.packet[:, HEADER:]
        halves = self.progress.view(np.uint32).reshape(-1, 2)[:, :: 1 if LITTLE else -1]
        self.packets_sent: Column[np.uint32] = halves[:, 0]
        self.media_time: Column[np.uint32] = halves[:, 1]

    def read(self, rows: Rows, slot: Slot, begin: int, size: int) -> Column[np.uint8]:
        """Return ``datagrams[rows, slot, begin : begin + size]``, four times as fast."""
        view = self.pieces.get((begin, size))
        if view is None:
            self.datagrams[0, 0, begin : begin + size].reshape(size)  # raises if beyond the end
            shape, offset = self.rows * SLOTS, OFFSET + begin
            view = np.ndarray(shape, f"V{size}", self.slots, offset, SLOT)
            self.pieces[begin, size] = view
        read: Column[np.uint8] = view[rows * SLOTS + slot].view(np.uint8).reshape(-1, size)
        return read


class Recordings(Table):
    """Recordings that run: the tick writes, the files process reads."""

    ring = column(np.int16, RECORDING_FRAMES, 2, FRAME)
    """Frames of 160 samples, caller and callee."""
    wide_from = column(np.uint64)
    """Number of the first frame at 16 kHz, plus 1; those before are at 8 kHz.  0: all are."""
    written = column(np.uint64)
    """Frames ever written; frame n lies at ``n % RECORDING_FRAMES``."""
    read = column(np.uint64)
