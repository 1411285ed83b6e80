"""The value of one line each (RFC 8866 section 9).  Raises ValueError, which says what is wrong."""

import ipaddress
import re
from functools import lru_cache
from typing import Final

from signaling.sdp.model import Attribute, Bandwidth, Connection, Media, Origin, Time

_DIGITS: Final = re.compile(r"[0-9]{1,40}\Z")
_TOKEN: Final = re.compile(r"[!#-'*+\-.0-9A-Z^-~]{1,64}\Z")
_PROTOCOL: Final = re.compile(r"[!#-'*+\-./0-9A-Z^-~]{1,64}\Z")
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9.])?\Z")
_SUFFIX: Final = re.compile(r"[0-9]{1,3}(?:/[0-9]{1,5})?\Z")

PAYLOAD_TYPES: Final = 128
PORTS: Final = 65536
MOST_FORMATS: Final = 256

KEPT: Final = 256
"""Lines kept read: nearly all that one peer says is the same in each of its descriptions."""

literal: Final = lru_cache(KEPT)(ipaddress.ip_address)
"""Reads an IPv4 or IPv6 address.  Raises ValueError."""


def number(text: str, below: int) -> int:
    """Return a decimal number from 0 on; signs, blanks and foreign digits are refused."""
    if not _DIGITS.match(text) or (value := int(text)) >= below:
        raise ValueError(f"{text[:40]!r} is not a number below {below}")
    return value


def _digits(text: str, what: str) -> str:
    if not _DIGITS.match(text):
        raise ValueError(f"{what} {text[:40]!r} is not a number")
    return text


def _token(text: str, what: str) -> str:
    if not _TOKEN.match(text):
        raise ValueError(f"{what} {text[:40]!r} is not a token")
    return text


def _address(address_type: str, address: str) -> str:
    """Check that a literal is of its type; host names pass (they are never resolved here)."""
    try:
        version = literal(address).version
    except ValueError:
        numeric = not address.strip("0123456789.")
        if "%" in address or ":" in address or numeric or not _HOST.match(address):
            raise ValueError(f"{address[:60]!r} is no address") from None
        return address
    if "%" in address or address_type != f"IP{version}":
        raise ValueError(f"{address[:60]!r} is no {address_type} address")
    return address


def origin(value: str) -> Origin:
    """``o=<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address>``."""
    words = value.split()
    if len(words) != 6:
        raise ValueError("o= needs six fields")
    username, session_id, version, network_type, address_type, address = words
    return Origin(
        username=username,
        session_id=_digits(session_id, "the session id"),
        version=_digits(version, "the session version"),
        network_type=_token(network_type, "the network type"),
        address_type=_token(address_type, "the address type"),
        address=address,
    )


@lru_cache(KEPT)
def connection(value: str) -> Connection:
    """``c=<nettype> <addrtype> <connection-address>[/<ttl>][/<count>]``."""
    words = value.split()
    if len(words) != 3:
        raise ValueError("c= needs three fields")
    network_type, address_type, rest = words
    address, slash, suffix = rest.partition("/")
    if slash and not _SUFFIX.match(suffix):
        raise ValueError(f"{suffix[:40]!r} is no time to live and count")
    return Connection(
        network_type=_token(network_type, "the network type"),
        address_type=_token(address_type, "the address type"),
        address=_address(address_type, address) if network_type == "IN" else address,
        suffix=suffix,
    )


@lru_cache(KEPT)
def bandwidth(value: str) -> Bandwidth:
    """``b=<bwtype>:<bandwidth>``."""
    kind, _, amount = value.partition(":")
    return Bandwidth(_token(kind, "the bandwidth type"), _digits(amount.strip(), "the bandwidth"))


@lru_cache(KEPT)
def time(value: str) -> Time:
    """``t=<start-time> <stop-time>``."""
    words = value.split()
    if len(words) != 2:
        raise ValueError("t= needs two fields")
    return Time(_digits(words[0], "the start"), _digits(words[1], "the stop"))


@lru_cache(KEPT)
def attribute(value: str) -> Attribute:
    """``a=<name>`` or ``a=<name>:<value>``; names that nobody knows are kept."""
    name, colon, rest = value.partition(":")
    if not name.strip():
        raise ValueError("an attribute needs a name")
    return Attribute(name, rest if colon else None)


def media(value: str) -> Media:
    """``m=<media> <port>[/<count>] <proto> <fmt> ...``; RTP formats are payload types."""
    words = value.split()
    if len(words) < 4 and not (len(words) == 3 and words[1] == "0"):
        raise ValueError("m= needs a medium, a port, a protocol and formats")
    kind, ports, protocol, *formats = words
    port, slash, count = ports.partition("/")
    if not _PROTOCOL.match(protocol):
        raise ValueError(f"{protocol[:40]!r} is no protocol")
    if len(formats) > MOST_FORMATS:
        raise ValueError(f"more than {MOST_FORMATS} formats")
    return Media(
        media=_token(kind, "the medium"),
        port=number(port, PORTS),
        port_count=_port_count(count) if slash else 1,
        protocol=protocol,
        formats=_payload_types(formats) if is_rtp(protocol) else tuple(formats),
    )


def _port_count(text: str) -> int:
    if not (count := number(text, PORTS)):
        raise ValueError("a port count of 0")
    return count


def _payload_types(formats: list[str]) -> tuple[str, ...]:
    return tuple(str(number(text, PAYLOAD_TYPES)) for text in formats)


def is_rtp(protocol: str) -> bool:
    """Whether formats of this protocol are payload types (RFC 8866 section 5.14)."""
    return "RTP" in protocol.upper().split("/")
