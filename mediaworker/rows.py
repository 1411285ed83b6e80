"""The life of a row, driven by commands: taken, opened, aimed, recorded, closed.

    take --> open_row --> aim, record, queue_digits, ``sounding.play_*`` in any order --> close

A closed row rests before it is taken again.  Taking one sets every column of it back to its
beginning; after that a command writes only the columns that are its own, and these of stages:
``aim`` sets ``peer`` and ``rtcp_peer`` (and forgets a latch) if the address is another, and begins
what ``protect`` and ``unprotect`` keep of a key (``securing``) if that is another,
``record`` begins ``recorded`` and the counters of the recording, ``queue_digits`` none.
"""

from typing import Final

import numpy as np

from bus.calls import Quality
from bus.columns import Column
from bus.errors import BadRequestError, NoCapacityError
from bus.gauges import quality_of
from bus.ids import StreamId
from bus.streams import Remote
from mediaworker.codecs.codec import Codec
from mediaworker.codecs.formats import FORMATS, find
from mediaworker.connecting import changed, part
from mediaworker.media import Media
from mediaworker.net.address import Words, words_of
from mediaworker.rtp.event import KEYS
from mediaworker.securing import check as check_crypto
from mediaworker.securing import expose, secure
from mediaworker.sounding import PARTS, forget_leg
from mediaworker.sources.resample import RATE
from mediaworker.stages.anchor import clear
from mediaworker.stages.protect import sealed_report
from mediaworker.stages.report import FIRST, farewell
from mediaworker.stages.score import conclude
from mediaworker.streams import DIGITS, GRAIN, NEVER, TICK, TICK_NS, PayloadKind, Streams

ENTROPY: Final = 16
"""Bytes."""
PERIOD: Final = 4
"""Ticks, 20 ms, until the peer asks for another packet time."""
REST_NS: Final = 2_000_000_000
SETTLING: Final = 200
"""Ticks after aiming in which the first packets of a peer usually come."""
RESERVED: Final = 1 << 30
BURST: Final = 8
"""Rows that may be due in the same tick while others have none."""
AHEAD: Final = 16
"""Rows that are cleaned together."""
SHORTEST_DIGIT_MS: Final = 40
LONGEST_DIGIT_MS: Final = 10_000
SHORTEST_GAP_MS: Final = 50
LONGEST_GAP_MS: Final = 10_000
PACKET_TIMES: Final = (10, 20, 30, 40, 50, 60)
METHODS: Final = {"rfc4733": False, "inband": True}
"""Whether the digits are tones."""
CLOCKS: Final = range(1000, 192_001)
"""Hz, that telephone-events can have."""
NOWHERE: Final = (words_of("0.0.0.0", 1)[:2], words_of("::", 1)[:2])
"""The addresses of a peer that wants to hear nothing (RFC 3264 section 8.4)."""
STATIC_TYPES: Final = ((0, Codec.PCMU), (8, Codec.PCMA), (13, PayloadKind.NOISE))
"""RFC 3551: heard also if not agreed upon."""

OWN: Final = frozenset(
    {
        *(
            "live",
            "offered_peer",
            "rtcp_mux",
            "aimed",
            "aimed_at",
            "sends",
            "receives",
            "caller_is_remote",
        ),
        *(
            "codec",
            "scale",
            "units",
            "payload_type",
            "payload_kinds",
            "events_payload_type",
            "events_clock",
            "noise_payload_type",
        ),
        *("period", "frame", "ssrc"),
        *("sequence_base", "timestamp_base", "entropy", "released_at", "source_kind"),
        *("source_offset", "source_length", "source_loop", "source_row", "source_begin"),
        *("source_number", "held", *(f"waiting_{part}" for part in PARTS)),
        *(
            "hears_tones",
            "watches",
            "recording",
            "digits",
            "digit_tones",
            "digit_lengths",
            "digit_gaps",
        ),
        "digits_queued",
        *("suite", "master_out", "master_in", "salt_out", "salt_in", "index_base"),
        "public.stream",
    }
)
"""Columns that commands write and no stage."""


def take(media: Media, stream: StreamId, now_ns: int) -> int:
    """Return a free row, rested and cleaned, now of ``stream``.  Raises NoCapacityError."""
    if not media.clean:
        _clean(media, now_ns)
    row = media.clean.popleft()
    media.public.stream[row] = stream
    media.high = max(media.high, row + 1)
    return row


def _clean(media: Media, now_ns: int) -> None:
    """Clean the next free rows, several at once: that costs hardly more than to clean one."""
    streams, public = media.streams, media.public
    free = np.flatnonzero(public.stream == 0)
    if not len(free):
        raise NoCapacityError(f"all {streams.rows} streams of this worker are in use")
    released = streams.released_at[free]
    rested = free[(released == 0) | (released < now_ns - REST_NS)][:AHEAD]
    rows = rested if len(rested) else free[[released.argmin()]]
    for table in (streams, public):
        for name in table.columns:
            getattr(table, name)[rows] = 0
    streams.due[rows] = NEVER
    media.clean.extend(rows.tolist())


def open_row(media: Media, row: int, *, caller_is_remote: bool, entropy: bytes) -> None:
    """Begin: the row ticks from now on.  ``entropy``: ``ENTROPY`` random bytes."""
    streams = media.streams
    streams.ssrc[row] = int.from_bytes(entropy[0:4])
    streams.timestamp_base[row] = int.from_bytes(entropy[4:8])
    streams.entropy[row] = int.from_bytes(entropy[8:12])
    # Below 2**15, so that the sequence does not wrap soon (RFC 3550 has no such rule, SRTP does).
    streams.sequence_base[row] = int.from_bytes(entropy[12:14]) >> 1
    streams.caller_is_remote[row] = caller_is_remote
    streams.events_payload_type[row] = streams.recording[row] = -1
    streams.noise_payload_type[row] = -1
    streams.events_clock[row] = RATE
    streams.candidate_sequence[row] = -1
    streams.period[row], streams.frame[row] = PERIOD, PERIOD * TICK
    streams.scale[row], streams.units[row] = 1, TICK
    streams.gain_in[row] = streams.gain_out[row] = 1
    clear(media, row)
    streams.due[row] = media.tick + 1 + _phase(media)
    streams.report_due[row] = media.tick + FIRST + int(streams.entropy[row]) % FIRST
    streams.live[row] = True


def aim(media: Media, row: int, remote: Remote) -> None:
    """Set or change the far end.  Raises BadRequestError, and then nothing has changed."""
    streams = media.streams
    peer = words_of(remote.address, remote.port)
    rtcp_peer = peer if remote.rtcp_mux else words_of(remote.address, remote.rtcp_port)
    codec, kinds = _codec(remote), _payload_kinds(remote)
    check_crypto(remote.crypto)
    nowhere = peer[:2] in NOWHERE
    if not nowhere:
        streams.rtcp_mux[row] = remote.rtcp_mux
        _turn(media, row, peer, rtcp_peer, talks=remote.send and remote.receive)
    streams.sends[row], streams.receives[row] = remote.send and not nowhere, remote.receive
    streams.codec[row], streams.payload_kinds[row] = codec, kinds
    streams.payload_type[row] = remote.payload_type
    streams.events_payload_type[row] = remote.events_payload_type
    streams.events_clock[row] = remote.events_clock
    streams.hears_tones[row] = media.hears_tones[remote.events_payload_type < 0]
    streams.period[row] = _packet_time(codec, remote.ptime_ms) * 1_000_000 // TICK_NS
    scaled = streams.scale[row] != FORMATS[codec].scale
    streams.scale[row], streams.units[row] = FORMATS[codec].scale, FORMATS[codec].units
    if scaled:
        clear(media, row)
    streams.frame[row] = streams.period[row] * streams.scale[row] * TICK
    media.coders.open(row, codec, remote.parameters)
    streams.noise_payload_type[row] = remote.noise_payload_type
    hushes = remote.noise_payload_type >= 0
    for rows, belongs in (
        (media.hushing, hushes),
        (media.pausing, hushes or media.coders.pauses(row)),
    ):
        (rows.add if belongs else rows.discard)(row)
    changed(media, row)
    secure(media, row, remote.crypto)


def record(media: Media, row: int, recording: int) -> None:
    """Record into this row of ``Recordings`` (emptied first); -1 stops."""
    streams, recordings = media.streams, media.recordings
    streams.recording[row] = recording
    streams.recorded[row] = streams.recording_scale[row] = 0
    if recording >= 0:
        recordings.written[recording] = recordings.read[recording] = 0
        recordings.wide_from[recording] = 0


def queue_digits(
    media: Media,
    row: int,
    digits: str,
    duration_ms: int,
    gap_ms: int,
    method: str = "rfc4733",
) -> None:
    """Send digits after those that wait already.  Raises BadRequestError; then none is sent.

    Events that wait when the peer is found to take none any more are sent as tones.
    """
    streams, tones = media.streams, METHODS.get(method)
    if tones is None:
        raise BadRequestError(f"method {method!r} is not one of {', '.join(METHODS)}")
    if streams.aimed[row] and streams.events_payload_type[row] < 0 and not tones:
        raise BadRequestError("the peer takes no telephone-events")
    _check_digits(streams, row, digits, duration_ms, gap_ms)
    queued = int(streams.digits_queued[row])
    for place, key in enumerate(digits.upper(), start=queued):
        streams.digits[row, place % DIGITS] = KEYS.index(key)
        streams.digit_tones[row, place % DIGITS] = tones
        streams.digit_lengths[row, place % DIGITS] = duration_ms
        streams.digit_gaps[row, place % DIGITS] = gap_ms
    streams.digits_queued[row] = (queued + len(digits)) & 0xFFFF_FFFF


def watch(media: Media, row: int, *, on: bool) -> None:
    """Tell when the peer speaks, or no more."""
    media.streams.watches[row] = on


def quality(media: Media, row: int) -> Quality:
    """Return what the stream was like, now that it ends."""
    conclude(media, row)
    return quality_of(media.public, row)


def close(media: Media, row: int, now_ns: int) -> bytes:
    """End the stream; the row rests.  Returns the RTCP BYE to send to its peer, if any.

    Rows that play what its peer said are silent from now on.
    """
    streams = media.streams
    goodbye = sealed_report(media, row, farewell(media, row)) if streams.aimed[row] else b""
    if streams.tapped[row] or streams.group[row]:
        forget_leg(media, row)
        part(media, row)
    streams.live[row] = streams.sends[row] = streams.receives[row] = streams.aimed[row] = False
    streams.tapped[row] = False
    streams.recording[row] = -1
    streams.due[row] = NEVER
    streams.released_at[row] = now_ns
    media.coders.close(row)
    media.lines.pop(row, None)
    media.pausing.discard(row)
    media.hushing.discard(row)
    media.gained.discard(row)
    expose(media, row)
    media.public.stream[row] = 0
    return goodbye


def row_of(media: Media, stream: StreamId) -> int | None:
    """Return the row of a stream."""
    found = np.flatnonzero(media.public.stream[: media.high] == stream)
    return int(found[0]) if len(found) else None


def live_rows(media: Media) -> list[int]:
    """Return all rows that are streams."""
    return np.flatnonzero(media.streams.live[: media.high]).tolist()


def _phase(media: Media) -> int:
    """Return in how many ticks from the next a new row is to be due.

    A tick with one row costs nearly as much as a tick with a few: they come together up to
    ``BURST``, and only then are they spread.
    """
    due = media.streams.due[: media.high]
    phases = due[due < NEVER] - (media.tick + 1)
    loads = np.bincount(phases % PERIOD, minlength=PERIOD)
    loads[media.tick % GRAIN :: GRAIN] = RESERVED
    few = np.where(loads < BURST, loads, -1)
    return int(few.argmax() if few.max() >= 0 else loads.argmin())


def _turn(media: Media, row: int, peer: Words, rtcp_peer: Words, *, talks: bool) -> None:
    """Turn to an address; what was learnt in its place stays, and may be learnt anew."""
    streams = media.streams
    new = not streams.aimed[row] or streams.offered_peer[row].tolist() != list(peer)
    if new:
        streams.offered_peer[row] = streams.peer[row] = peer
        streams.rtcp_peer[row] = rtcp_peer
        media.moved.append(row)
    elif streams.rtcp_mux[row]:
        streams.rtcp_peer[row] = streams.peer[row]
    elif streams.peer[row].tolist() == list(peer):
        streams.rtcp_peer[row] = rtcp_peer
    if new or talks:
        streams.latched[row], streams.stranger_packets[row] = False, 0
        streams.aimed_at[row] = media.tick
    streams.aimed[row] = True
    if not streams.aligned[row]:
        media.settles_until = media.tick + SETTLING


def _codec(remote: Remote) -> Codec:
    codec = find(remote.codec, remote.clock)
    if codec is None:
        known = ", ".join(f"{each.name}/{each.clock}" for each in FORMATS.values())
        wanted = f"{remote.codec}/{remote.clock}"
        raise BadRequestError(f"codec {wanted!r} is not one of {known}")
    return codec


def _packet_time(codec: Codec, wanted_ms: int) -> int:
    """Return the packet time in ms that the peer wants, 20 if that is none; or one below it."""
    wanted = wanted_ms if wanted_ms in PACKET_TIMES else PERIOD * TICK_NS // 1_000_000
    return max(each for each in FORMATS[codec].packet_times if each <= wanted)


def _payload_kinds(remote: Remote) -> Column[np.uint8]:
    kinds = bytearray([PayloadKind.UNKNOWN]) * 128
    for payload_type, kind in STATIC_TYPES:
        kinds[payload_type] = kind
    for payload_type, each in remote.also.items():
        name, _, clock = each.partition("/")
        codec = find(name, int(clock)) if clock.isdecimal() else None
        if codec is None or payload_type not in range(128):
            raise BadRequestError(f"also: {payload_type} {each!r} is no codec of this worker")
        kinds[payload_type] = codec
    agreed = _codec(remote)
    events, noise = remote.receive_events_payload_type, remote.receive_noise_payload_type
    others = remote.payload_type, remote.noise_payload_type
    for payload_type in (remote.receive_payload_type, events, noise, *others):
        if payload_type > 127:
            raise BadRequestError(f"payload type {payload_type} is not one from 0 to 127")
    if remote.events_clock not in CLOCKS:
        raise BadRequestError(f"events_clock {remote.events_clock} is not a clock rate")
    kinds[remote.receive_payload_type] = agreed
    if events >= 0:
        kinds[events] = PayloadKind.EVENTS
    if noise >= 0:
        kinds[noise] = PayloadKind.NOISE
    return np.frombuffer(kinds, np.uint8)


def _check_digits(streams: Streams, row: int, digits: str, duration_ms: int, gap_ms: int) -> None:
    for key in digits.upper():
        if key not in KEYS:
            raise BadRequestError(f"{key!r} is not a digit; these are: {KEYS}")
    if not SHORTEST_DIGIT_MS <= duration_ms <= LONGEST_DIGIT_MS:
        limits = f"{SHORTEST_DIGIT_MS} to {LONGEST_DIGIT_MS}"
        raise BadRequestError(f"duration_ms {duration_ms} is not {limits}")
    if not SHORTEST_GAP_MS <= gap_ms <= LONGEST_GAP_MS:
        raise BadRequestError(f"gap_ms {gap_ms} is not {SHORTEST_GAP_MS} to {LONGEST_GAP_MS}")
    waiting = (int(streams.digits_queued[row]) - int(streams.digits_sent[row])) & 0xFFFF_FFFF
    if waiting + len(digits) > DIGITS - 1:
        raise BadRequestError(f"{waiting} digits wait already, and {DIGITS - 1} can")
