"""What we can code, and which payload types of a description mean it (RFC 3551, RFC 4733)."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from signaling.sdp.lines import PAYLOAD_TYPES
from signaling.sdp.model import Attribute, Media, value_of, values_of


class Codec(msgspec.Struct, frozen=True):
    """An encoding: its name (RFC 3551 spelling), clock rate in Hz, our payload type, its fmtp."""

    name: str
    clock: int
    payload_type: int
    parameters: str = ""


PCMU: Final = Codec("PCMU", 8000, 0)
PCMA: Final = Codec("PCMA", 8000, 8)
EVENTS: Final = Codec("telephone-event", 8000, 101, "0-15")
"""At our audio's clock; others are taken at any (RFC 4733 2.1)."""
CODECS: Final = (PCMU, PCMA, EVENTS)

PACKET_TIMES_MS: Final = (10, 20, 30, 40, 60)
DEFAULT_PACKET_TIME_MS: Final = 20

DYNAMIC: Final = range(96, PAYLOAD_TYPES)
KEPT: Final = 256
"""Of what was worked out once for names and numbers that peers use again and again."""
SLOWEST: Final = 1000
"""Hz; of an events clock, so that a millisecond is at least one unit."""

_RTPMAP: Final = re.compile(r"([0-9]{1,3})\s+([^\s/]+)/([0-9]{1,6})(?:/([0-9]{1,3}))?\s*\Z")
_MILLISECONDS: Final = re.compile(r"[0-9]{1,4}(?=\Z|\.)")
_AUDIO: Final = {codec.name: codec for codec in (PCMU, PCMA)}
_STATIC: Final = {codec.payload_type: codec for codec in (PCMU, PCMA)}


def known(names: Iterable[str]) -> list[Codec]:
    """Return those audio codecs that we have, in the given order; case does not matter."""
    found = [_AUDIO[name.upper()] for name in names if name.upper() in _AUDIO]
    return list(dict.fromkeys(found))


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
    return msgspec.structs.replace(EVENTS, clock=clock)


def is_events(codec: Codec) -> bool:
    """Whether it is telephone-event, at any clock rate."""
    return codec.name == EVENTS.name


@lru_cache(KEPT)
def _ours(name: str, clock: int, channels: str) -> Codec | None:
    if name.lower() == EVENTS.name and clock >= SLOWEST and channels == "1":
        return events_at(clock)
    for codec in CODECS:
        if (name.lower(), clock, int(channels)) == (codec.name.lower(), codec.clock, 1):
            return codec
    return None


def attributes(formats: dict[int, Codec]) -> list[Attribute]:
    """Describe payload types: an rtpmap each, and the fmtp of those that have one."""
    maps = [Attribute("rtpmap", f"{n} {c.name}/{c.clock}") for n, c in formats.items()]
    parameters = [(n, c.parameters) for n, c in formats.items() if c.parameters]
    return [*maps, *(Attribute("fmtp", f"{n} {text}") for n, text in parameters)]


def packet_time(media: Media) -> int:
    """Return the packet time in ms that the author likes to receive, as near as we can do it."""
    wanted = _milliseconds(media, "ptime") or DEFAULT_PACKET_TIME_MS
    most = _milliseconds(media, "maxptime") or PACKET_TIMES_MS[-1]
    return _nearest(wanted, most)


@lru_cache(KEPT)
def _nearest(wanted: int, most: int) -> int:
    possible = [time for time in PACKET_TIMES_MS if time <= most] or [PACKET_TIMES_MS[0]]
    return min(possible, key=lambda time: abs(time - wanted))


def _milliseconds(media: Media, name: str) -> int:
    match = _MILLISECONDS.match((value_of(media.attributes, name) or "").strip())
    return int(match[0]) if match else 0
