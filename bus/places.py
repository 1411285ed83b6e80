"""Places as they are written in settings: where we listen, and where the name server is."""

import ipaddress
from typing import Final

import msgspec

DNS_PORT: Final = 53

TRANSPORTS: Final = ("udp", "tcp", "tls", "ws", "wss")


class Listener(msgspec.Struct, frozen=True):
    """A place where SIP is heard."""

    transport: str
    """One of ``TRANSPORTS``."""
    host: str
    """IPv4 or IPv6 literal (without brackets) or a name."""
    port: int
    """0: any free one."""
    told_host: str = ""
    """What peers are told instead of ``host``; empty: that."""
    told_port: int = 0
    """What peers are told instead of ``port``; 0: that."""


def parse_listener(text: str) -> Listener:
    """Read ``udp:HOST:PORT`` or ``tls:[HOST]:PORT/ADDRESS:PORT``.

    Raises ValueError, which says what is odd.
    """
    transport, _, rest = text.partition(":")
    if transport not in TRANSPORTS:
        raise ValueError(f"{text!r} does not begin with udp:, tcp:, tls:, ws: or wss:")
    place, slash, told = rest.partition("/")
    host, port = _place(place, text)
    if port is None:
        raise ValueError(f"{text!r} is not {transport}:HOST:PORT (an IPv6 address in brackets)")
    told_host, told_port = _place(told, text) if slash else ("", None)
    return Listener(transport, host, port, told_host, told_port or 0)


def parse_nameserver(text: str) -> tuple[str, int]:
    """Read ``ADDRESS`` or ``ADDRESS:PORT`` (IPv6 in brackets); raises ValueError."""
    host, port = _place(text, text)
    return str(ipaddress.ip_address(host)), port or DNS_PORT


def _place(place: str, text: str) -> tuple[str, int | None]:
    """Take ``HOST:PORT`` or ``HOST`` apart; ``text`` is what it stands in."""
    named = place.endswith("]") or ":" not in place
    host, _, port = (place, "", "") if named else place.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not bare or ("[" in bare or "]" in bare) or (":" in bare and bare == host):
        raise ValueError(f"{place!r} in {text!r} names no host (IPv6 in brackets)")
    if named:
        return bare, None
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError(f"port {port!r} in {text!r} is not a number from 0 to 65535")
    return bare, int(port)
