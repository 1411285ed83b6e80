"""A medium of theirs: whether we can use it, and what it says."""

import ipaddress
from collections.abc import Collection
from functools import lru_cache
from typing import Final

import msgspec

from bus.streams import Remote
from signaling.sdp import codecs as coding
from signaling.sdp.codecs import EVENTS, NOISE, Codec
from signaling.sdp.crypto import PROTOCOLS, Line, lines_to_use
from signaling.sdp.direction import Direction, direction_of
from signaling.sdp.errors import NotAcceptableError
from signaling.sdp.lines import PORTS, literal, number
from signaling.sdp.model import Connection, Media, Session, value_of
from signaling.sdp.parse import parse_sdp

MUX: Final = "rtcp-mux"
KEPT: Final = 64
"""Offers looked at that are remembered, see ``parse``."""


class Usable(msgspec.Struct, frozen=True, kw_only=True):
    """A medium of theirs that we can take."""

    slot: int
    formats: dict[int, Codec]
    """Its payload types that we would use."""
    said: Direction
    lines: tuple[Line, ...]
    """Its keys, of which one is to be used; none: it is plain."""
    remote: Remote
    """Where and how to send, if we mirror its payload types and both of us send and receive."""

    @property
    def nowhere(self) -> bool:
        """Whether it is at 0.0.0.0."""
        return literal(self.remote.address).is_unspecified


@lru_cache(KEPT)
def choose(
    body: bytes, codecs: tuple[Codec, ...], local: str, policy: str
) -> tuple[Session, Usable]:
    """Read an offer and take the first medium of it that we can use."""
    offer = parse_sdp(body)
    objections: list[str] = []
    for slot in range(len(offer.media)):
        try:
            return offer, usable(offer, slot, codecs, local, policy)
        except NotAcceptableError as objection:
            objections.append(str(objection))
    raise NotAcceptableError("; ".join(objections) or "the offer has no m= line")


def usable(
    session: Session, slot: int, codecs: Collection[Codec], local: str, policy: str
) -> Usable:
    """Look at a medium.  Raises NotAcceptableError: why we cannot use it."""
    media = session.media[slot]
    what = f"m={media.media} {media.protocol}"
    if media.port == 0:
        raise NotAcceptableError(f"{what} is switched off")
    if media.media.lower() != "audio" or media.protocol.upper() not in PROTOCOLS:
        raise NotAcceptableError(f"{what} is not what we speak")
    lines = lines_to_use(media, policy)
    formats = _common(media, codecs)
    if not formats:
        raise NotAcceptableError(f"{what} has no codec of ours")
    address = _address(session, media, local)
    if address is None:
        raise NotAcceptableError(f"{what} has no address that {local} could reach")
    said = direction_of(session.attributes, media.attributes)
    remote = _remote(media, address, formats)
    return Usable(slot=slot, formats=formats, said=said, lines=lines, remote=remote)


def _common(media: Media, codecs: Collection[Codec]) -> dict[int, Codec]:
    """Return the payload types of the first common codec, of events and of noise, if any."""
    theirs = {n: codec for n, codec in coding.payload_types(media).items() if codec}
    chosen = [n for n, c in theirs.items() if c in codecs and coding.is_audio(c)][:1]
    if not chosen:
        return {}
    clock = theirs[chosen[0]].clock
    events = [n for n, codec in theirs.items() if coding.is_events(codec)]
    events.sort(key=lambda n: theirs[n].clock != clock)  # the audio's own is the one to use
    noise = [n for n, codec in theirs.items() if codec == NOISE and codec in codecs]
    if clock != NOISE.clock:  # its timestamps are the audio's
        noise = []
    return {n: theirs[n] for n in (*chosen, *events[:1], *noise[:1])}


def _address(session: Session, media: Media, local: str) -> str | None:
    """Return the first address of a medium that we can send to."""
    connections = media.connections or (session.connection,)
    found = (_reachable(c, local) for c in connections if c is not None)
    return next((address for address in found if address), None)


@lru_cache(KEPT)
def _reachable(connection: Connection, local: str) -> str | None:
    """Unicast literals of our own version, v4-mapped ones too; 0.0.0.0 always (it is a hold)."""
    try:
        address = literal(connection.address)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_multicast or str(address) == "255.255.255.255":
        return None
    same = address.version == literal(local).version
    return str(address) if same or address.is_unspecified else None


def _remote(media: Media, address: str, formats: dict[int, Codec]) -> Remote:
    number, codec = next(iter(formats.items()))
    events = next(((n, c.clock) for n, c in formats.items() if coding.is_events(c)), None)
    events_payload_type, events_clock = events or (-1, EVENTS.clock)
    noise = next((n for n, c in formats.items() if c == NOISE), -1)
    return Remote(
        address=address,
        port=media.port,
        rtcp_port=_rtcp_port(media),
        codec=codec.name,
        clock=codec.clock,
        payload_type=number,
        receive_payload_type=number,
        events_payload_type=events_payload_type,
        receive_events_payload_type=events_payload_type,
        events_clock=events_clock,
        ptime_ms=coding.packet_time(media, codec),
        parameters=coding.parameters_of(media, number),
        rtcp_mux=is_mux(media),
        noise_payload_type=noise,
        receive_noise_payload_type=noise,
    )


def is_mux(media: Media) -> bool:
    """Whether a medium says that RTCP goes with RTP (RFC 5761 5.1.1)."""
    return value_of(media.attributes, MUX) is not None


def _rtcp_port(media: Media) -> int:
    """Return the port of ``a=rtcp`` (RFC 3605), else the one above RTP."""
    words = (value_of(media.attributes, "rtcp") or "").split()
    try:
        port = number(words[0], PORTS) if words else 0
    except ValueError:
        port = 0
    return port or min(media.port + 1, PORTS - 1)
