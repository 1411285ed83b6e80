"""The offer/answer model (RFC 3264) for one audio medium; everything else is answered with port 0.

A ``Negotiation`` is what a dialog remembers between its exchanges.  Three moves change it, and one
that fails changes nothing:

    make_offer ──► accept_answer (again for a 183 and its 200, or another fork)
               └─► withdraw_offer (it was refused: the session goes on as it was)
    answer_offer                  consider_offer only tells what that would settle
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from bus.srtp import Crypto
from bus.streams import Remote
from signaling.sdp import codecs as coding
from signaling.sdp.codecs import EVENTS, NOISE, Codec
from signaling.sdp.crypto import (
    PLAIN,
    UNPROTECTED,
    Keying,
    accept_keys,
    answer_keys,
    answered_medium,
    keys_of,
    offer_keys,
    policy_of,
)
from signaling.sdp.direction import (
    AGREED,
    BY_NAME,
    UNSPECIFIED_ADDRESS,
    Direction,
    direction_of,
)
from signaling.sdp.errors import GlareError, NotAcceptableError
from signaling.sdp.lines import literal
from signaling.sdp.model import Attribute, Connection, Media, Origin, Session, Time
from signaling.sdp.parse import parse_sdp
from signaling.sdp.render import render_sdp
from signaling.sdp.usable import MUX, Usable, choose, is_mux, usable

KEPT: Final = 64
"""Wishes that are remembered."""


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """What one exchange settled."""

    remote: Remote
    direction: str
    """What we do: ``sendrecv sendonly recvonly inactive``."""
    held: bool = False
    """The peer does not want to hear us (it is sendonly, inactive or at 0.0.0.0)."""


class Negotiation(msgspec.Struct, kw_only=True):
    """State of a session between its exchanges; plain data."""

    sent: Session | None = None
    """Our last description, agreed or not: the next version is counted from it."""
    local: Session | None = None
    """Our last description that was agreed: its media keep their places."""
    offer: Session | None = None
    """Our last offer, as long as an answer to it may come."""
    open: bool = False
    """That offer has no answer yet."""
    slot: int = 0
    """Which ``m=`` line is our audio."""
    payload_types: dict[str, int] = {}
    """``NAME/CLOCK`` -> the payload type we said for it, which stays for the session."""
    agreed: Agreed | None = None
    keys: dict[str, bytes] = {}
    """SRTP suite -> our key of it, which stays for the session."""


class _Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What we would like to do now."""

    address: str
    port: int
    codecs: tuple[Codec, ...]
    direction: Direction
    rtcp_mux: bool


def make_offer(
    negotiation: Negotiation,
    *,
    address: str,
    port: int,
    codecs: Iterable[str],
    direction: str = "sendrecv",
    session_id: int,
    keying: Keying = UNPROTECTED,
    rtcp_mux: bool = False,
    noise: bool = False,
) -> bytes:
    """Describe what we want; the same wish again (a retry) gives the same bytes.

    ``address`` is an IPv4 or IPv6 literal, ``port`` that of RTP (RTCP is one above).
    ``session_id`` counts for the first description only.  ``rtcp_mux``: RTCP may come with RTP
    (RFC 5761 5.1.1).  ``noise``: comfort noise is taken (RFC 3389).  Raises NotAcceptableError if
    none of our codecs is named.
    """
    ours = _known(tuple(codecs), noise)
    wish = _wish(address, port, ours, direction, rtcp_mux=rtcp_mux)
    clock = negotiation.agreed.remote.events_clock if negotiation.agreed else EVENTS.clock
    events = _events(wish.codecs, clock)
    formats = _our_types(negotiation.payload_types, [*wish.codecs, *events])
    before = negotiation.local
    audio = _audio(wish, formats, coding.DEFAULT_PACKET_TIME_MS)
    agreed = before.media[negotiation.slot] if before else None
    audio, keys = offer_keys(audio, agreed, negotiation.keys, keying)
    media = [_refuse(medium) for medium in before.media] if before else [audio]
    media[negotiation.slot] = audio
    offer = _describe(negotiation, wish, session_id, before.times if before else (Time(),), media)
    negotiation.sent = negotiation.offer = offer
    negotiation.open = True
    negotiation.payload_types, negotiation.keys = _names(formats), keys
    return render_sdp(offer)


def repeat_offer(negotiation: Negotiation) -> bytes:
    """Offer again what we last agreed to, which changes nothing (a refresh, RFC 4028 7.4).

    Raises NotAcceptableError if nothing was agreed yet.
    """
    offer, sent = negotiation.local, negotiation.sent
    if offer is None or sent is None:
        raise NotAcceptableError("nothing was agreed that could be offered again")
    if offer != sent:  # something else was said since, and refused
        offer = _next_version(offer, sent.origin.version)
    negotiation.sent = negotiation.offer = offer
    negotiation.open = True
    return render_sdp(offer)


def accept_answer(negotiation: Negotiation, body: bytes) -> Agreed:
    """Settle our last offer.  Raises SdpError, NotAcceptableError if no audio is left of it."""
    offer = negotiation.offer
    if offer is None or offer.connection is None:
        raise NotAcceptableError("an answer, but no offer of ours")
    answer, slot = parse_sdp(body), negotiation.slot
    if len(answer.media) <= slot:
        raise NotAcceptableError("the answer has fewer m= lines than the offer")
    ours = offer.media[slot]
    formats = {n: c for n, c in coding.payload_types(ours).items() if c}
    local, policy = offer.connection.address, policy_of(ours)
    found = usable(answer, slot, formats.values(), local, policy)
    crypto = accept_keys(ours, found.lines)
    direction = direction_of((), ours.attributes)
    mux = is_mux(ours)
    names = _names(formats)
    agreed = _agree(negotiation, found, names, direction, crypto, rtcp_mux=mux)
    agreed = msgspec.structs.replace(agreed, remote=_hearing(agreed.remote, formats))
    negotiation.keys = keys_of(crypto)
    negotiation.local, negotiation.open, negotiation.agreed = offer, False, agreed
    return agreed


def withdraw_offer(negotiation: Negotiation) -> None:
    """Forget our last offer, which was refused (or got no answer at all)."""
    negotiation.offer, negotiation.open = None, False


def answer_offer(
    negotiation: Negotiation,
    body: bytes,
    *,
    address: str,
    port: int,
    codecs: Iterable[str],
    direction: str = "sendrecv",
    session_id: int,
    keying: Keying = UNPROTECTED,
    rtcp_mux: bool = False,
    noise: bool = False,
) -> tuple[bytes, Agreed]:
    """Answer an offer, first or later: its first usable audio with its first common codec.

    Raises SdpError, NotAcceptableError (the reason goes through its m= lines), or GlareError while
    an offer of ours has no answer.  Arguments as in ``make_offer``.
    """
    if negotiation.open:
        raise GlareError("our own offer has no answer yet")
    ours = _known(tuple(codecs), noise)
    wish = _wish(address, port, ours, direction, rtcp_mux=rtcp_mux)
    offer, found = choose(body, wish.codecs, wish.address, keying.policy)
    slot, names = found.slot, _names(found.formats)
    crypto = answer_keys(found.lines, negotiation.keys, keying)
    agreed = _agree(negotiation, found, names, wish.direction, crypto, rtcp_mux=rtcp_mux)
    mux = agreed.remote.rtcp_mux
    said = msgspec.structs.replace(wish, direction=BY_NAME[agreed.direction], rtcp_mux=mux)
    media = [_refuse(medium) for medium in offer.media]
    audio = _audio(said, found.formats, agreed.remote.ptime_ms)
    media[slot] = answered_medium(audio, offer.media[slot].protocol, found.lines, crypto)
    answer = _describe(negotiation, wish, session_id, offer.times, media)
    negotiation.sent = negotiation.local = answer
    negotiation.offer, negotiation.slot, negotiation.agreed = None, slot, agreed
    negotiation.payload_types = negotiation.payload_types | names
    negotiation.keys = keys_of(crypto)
    return render_sdp(answer), agreed


def consider_offer(
    negotiation: Negotiation,
    body: bytes,
    *,
    address: str,
    codecs: Iterable[str],
    keying: Keying = UNPROTECTED,
    rtcp_mux: bool = False,
    noise: bool = False,
) -> Agreed:
    """Return what answering an offer would settle.  Arguments and errors as in ``answer_offer``.

    A key that this needs is drawn, and stays.
    """
    found = choose(body, _known(tuple(codecs), noise), address, keying.policy)[1]
    crypto = answer_keys(found.lines, negotiation.keys, keying)
    negotiation.keys = keys_of(crypto)
    names = _names(found.formats)
    return _agree(negotiation, found, names, Direction.SENDRECV, crypto, rtcp_mux=rtcp_mux)


# ---------------------------------------------------------------------------------- our side


def _wish(
    address: str, port: int, codecs: tuple[Codec, ...], direction: str, *, rtcp_mux: bool
) -> _Wish:
    meant = BY_NAME[direction]
    return _Wish(address=address, port=port, codecs=codecs, direction=meant, rtcp_mux=rtcp_mux)


@lru_cache(KEPT)
def _known(names: tuple[str, ...], noise: bool) -> tuple[Codec, ...]:
    if not (ours := coding.known(names)):
        raise NotAcceptableError(f"none of our codecs is among {list(names)}")
    return (*ours, NOISE) if noise else tuple(ours)


def _events(codecs: tuple[Codec, ...], clock: int) -> list[Codec]:
    """Return telephone-event at the clocks of audio, and at the usual or agreed one."""
    others = [codec.clock for codec in codecs if codec.clock != EVENTS.clock]
    return [coding.events_at(each) for each in dict.fromkeys((clock, *others))]


def _our_types(said: dict[str, int], codecs: list[Codec]) -> dict[int, Codec]:
    """Give each codec the payload type it had, else its usual one, else a free one."""
    formats: dict[int, Codec] = {}
    for codec in codecs:
        others = set(formats) | {n for name, n in said.items() if name != codec.spelt}
        wanted = (said.get(codec.spelt, codec.payload_type), codec.payload_type, *coding.DYNAMIC)
        formats[next(number for number in wanted if number not in others)] = codec
    return formats


def _names(formats: dict[int, Codec]) -> dict[str, int]:
    return {codec.spelt: number for number, codec in formats.items()}


def _audio(wish: _Wish, formats: dict[int, Codec], packet_time: int) -> Media:
    return Media(
        media="audio",
        port=wish.port,
        protocol=PLAIN,
        formats=tuple(map(str, formats)),
        attributes=_attributes(
            tuple(formats.items()), packet_time, wish.direction.value, wish.rtcp_mux
        ),
    )


@lru_cache(KEPT)
def _attributes(
    formats: tuple[tuple[int, Codec], ...], packet_time: int, direction: str, rtcp_mux: bool
) -> tuple[Attribute, ...]:
    return (
        *coding.attributes(dict(formats)),
        *((Attribute(MUX),) if rtcp_mux else ()),
        Attribute("ptime", str(packet_time)),
        Attribute(direction),
    )


def _refuse(media: Media) -> Media:
    return Media(media=media.media, port=0, protocol=media.protocol, formats=media.formats)


def _describe(
    negotiation: Negotiation,
    wish: _Wish,
    session_id: int,
    times: tuple[Time, ...],
    media: list[Media],
) -> Session:
    """Put the parts together; the version goes up by one if anything differs from what we said."""
    kind = f"IP{literal(wish.address).version}"
    before = negotiation.sent
    first = Origin(session_id=str(session_id), version="1", address_type=kind, address=wish.address)
    session = Session(
        origin=before.origin if before else first,
        connection=Connection(address_type=kind, address=wish.address),
        times=times,
        media=tuple(media),
    )
    if before in (None, session):
        return session
    return _next_version(session, session.origin.version)


def _next_version(session: Session, version: str) -> Session:
    """Return a description with the version after another's (RFC 3264 8)."""
    origin = msgspec.structs.replace(session.origin, version=str(int(version) + 1))
    return msgspec.structs.replace(session, origin=origin)


# -------------------------------------------------------------------------------- their side


def _agree(
    negotiation: Negotiation,
    found: Usable,
    ours: dict[str, int],
    wanted: Direction,
    crypto: Crypto | None,
    *,
    rtcp_mux: bool,
) -> Agreed:
    """Work out what a usable medium of theirs and our payload types make together."""
    said, address = found.said, found.remote.address
    if found.nowhere:
        said = UNSPECIFIED_ADDRESS[said]
        address = negotiation.agreed.remote.address if negotiation.agreed else address
    direction = AGREED[said][wanted]
    codec = next(iter(found.formats.values()))
    events = ours.get(coding.events_at(found.remote.events_clock).spelt, -1)
    noise = ours[NOISE.spelt] if found.remote.noise_payload_type >= 0 else -1
    remote = msgspec.structs.replace(
        found.remote,
        address=address,
        receive_payload_type=ours[codec.spelt],
        receive_events_payload_type=events,
        receive_noise_payload_type=noise,
        send=direction.sends,
        receive=direction.receives,
        crypto=crypto,
        rtcp_mux=rtcp_mux and found.remote.rtcp_mux,
    )
    return Agreed(remote=remote, direction=direction.value, held=not said.receives)


def _hearing(remote: Remote, formats: dict[int, Codec]) -> Remote:
    """Let the peer send whatever we offered, at any moment."""
    also = {
        number: codec.spelt
        for number, codec in formats.items()
        if coding.is_audio(codec) and number != remote.receive_payload_type
    }
    return msgspec.structs.replace(remote, also=also)
