"""What we can code, and which payload types of a description mean it (RFC 3551, RFC 4733)."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from signaling.sdp.lines import PAYLOAD_TYPES
from signaling.sdp.model import Attribute, Media, value_of, values_of

PACKET_TIMES_MS: Final = (10, 20, 30, 40, 60)


class Codec(msgspec.Struct, frozen=True):
    """An encoding, and how we describe it."""

    name: str
    """As RFC 3551 and ``a=rtpmap`` spell it."""
    clock: int
    """Hz, of RTP timestamps."""
    payload_type: int
    """Ours, unless it is taken."""
    parameters: str = ""
    """Our ``a=fmtp``."""
    channels: int = 1
    """As ``a=rtpmap`` has them: two of Opus, whatever it codes (RFC 7587 7)."""
    rate: int = 8000
    """Hz, of our audio in it."""
    packet_times: tuple[int, ...] = PACKET_TIMES_MS
    """Those, ms, that it can have and that one frame of the network can take."""

    @property
    def spelt(self) -> str:
        """Name and clock, which together are its key."""
        return f"{self.name}/{self.clock}"


PCMU: Final = Codec("PCMU", 8000, 0)
PCMA: Final = Codec("PCMA", 8000, 8)
G722: Final = Codec("G722", 8000, 9, rate=16000)
"""At 8 kHz by a mistake of old that is kept (RFC 3551 4.5.2)."""
OPUS: Final = Codec(
    "opus",
    48000,
    96,
    "maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=1",
    channels=2,
    rate=16000,
    packet_times=(10, 20, 40, 60),
)
L16_WIDE: Final = Codec("L16", 16000, 97, rate=16000, packet_times=(10, 20, 30, 40))
L16: Final = Codec("L16", 8000, 98)
G729: Final = Codec("G729", 8000, 18, "annexb=no")
AUDIO: Final = (PCMU, PCMA, G722, OPUS, L16_WIDE, L16, G729)
EVENTS: Final = Codec("telephone-event", 8000, 101, "0-15")
"""At our audio's clock; others are taken at any (RFC 4733 2.1)."""
NOISE: Final = Codec("CN", 8000, 13)
"""Comfort noise (RFC 3389)."""
OTHER_EVENTS: Final = 102
"""Payload type of those at another clock."""

DEFAULT_PACKET_TIME_MS: Final = 20

DYNAMIC: Final = range(96, PAYLOAD_TYPES)
KEPT: Final = 256
"""Of what was worked out once for names and numbers that peers use again and again."""
SLOWEST: Final = 1000
"""Hz; of an events clock, so that a millisecond is at least one unit."""

_RTPMAP: Final = re.compile(r"([0-9]{1,3})\s+([^\s/]+)/([0-9]{1,6})(?:/([0-9]{1,3}))?\s*\Z")
_MILLISECONDS: Final = re.compile(r"[0-9]{1,4}(?=\Z|\.)")
_STATIC: Final = {
    codec.payload_type: codec for codec in (*AUDIO, NOISE) if codec.payload_type not in DYNAMIC
}


def known(names: Iterable[str]) -> list[Codec]:
    """Return those audio codecs that we have, in the given order; case does not matter.

    A name may have a clock rate behind it (``L16/8000``); without one it is the first that fits.
    """
    found = [codec for name in names if (codec := named(name))]
    return list(dict.fromkeys(found))


@lru_cache(KEPT)
def named(name: str) -> Codec | None:
    """Return the audio codec of a name, with or without ``/CLOCK``."""
    wanted = name.lower()
    return next((c for c in AUDIO if wanted in (c.name.lower(), c.spelt.lower())), None)


def payload_types(media: Media) -> dict[int, Codec | None]:
    """Map each payload type of an RTP medium, in its order, to a codec; None if not one of ours.

    A type without ``a=rtpmap`` (or with a broken one) is what RFC 3551 says it is.
    """
    mapped: dict[int, Codec | None] = {}
    for value in values_of(media.attributes, "rtpmap"):
        if match := _RTPMAP.match(value):
            number, name, clock, channels = match.groups()
            mapped.setdefault(int(number), _ours(name, int(clock), channels or "1"))
    types = dict.fromkeys(int(text) for text in media.formats)
    return {number: mapped.get(number, _STATIC.get(number)) for number in types}


def events_at(clock: int) -> Codec:
    """Return telephone-event at a clock rate in Hz."""
    if clock == EVENTS.clock:
        return EVENTS
    return msgspec.structs.replace(EVENTS, clock=clock, payload_type=OTHER_EVENTS)


def is_events(codec: Codec) -> bool:
    """Whether it is telephone-event, at any clock rate."""
    return codec.name == EVENTS.name


def is_audio(codec: Codec) -> bool:
    """Whether it is neither telephone-event nor comfort noise."""
    return codec.name not in (EVENTS.name, NOISE.name)


@lru_cache(KEPT)
def _ours(name: str, clock: int, channels: str) -> Codec | None:
    if name.lower() == EVENTS.name and clock >= SLOWEST and channels == "1":
        return events_at(clock)
    wanted = name.lower(), clock, int(channels)
    for codec in (*AUDIO, NOISE):
        if wanted == (codec.name.lower(), codec.clock, codec.channels):
            return codec
    return None


def attributes(formats: dict[int, Codec]) -> list[Attribute]:
    """Describe payload types: an rtpmap each, and the fmtp of those that have one."""
    maps = [Attribute("rtpmap", f"{n} {_encoding(codec)}") for n, codec in formats.items()]
    parameters = [(n, c.parameters) for n, c in formats.items() if c.parameters]
    return [*maps, *(Attribute("fmtp", f"{n} {text}") for n, text in parameters)]


def _encoding(codec: Codec) -> str:
    return codec.spelt if codec.channels == 1 else f"{codec.spelt}/{codec.channels}"


def parameters_of(media: Media, payload_type: int) -> str:
    """Return the ``a=fmtp`` of a payload type, empty if it has none."""
    for value in values_of(media.attributes, "fmtp"):
        number, _, text = value.strip().partition(" ")
        if number == str(payload_type):
            return text.strip()
    return ""


def packet_time(media: Media, codec: Codec) -> int:
    """Return the packet time in ms that the author likes to receive, as near as we can do it."""
    wanted = _milliseconds(media, "ptime") or DEFAULT_PACKET_TIME_MS
    most = _milliseconds(media, "maxptime") or PACKET_TIMES_MS[-1]
    return _nearest(wanted, most, codec.packet_times)


@lru_cache(KEPT)
def _nearest(wanted: int, most: int, times: tuple[int, ...]) -> int:
    possible = [time for time in times if time <= most] or [times[0]]
    return min(possible, key=lambda time: abs(time - wanted))


def _milliseconds(media: Media, name: str) -> int:
    match = _MILLISECONDS.match((value_of(media.attributes, name) or "").strip())
    return int(match[0]) if match else 0
