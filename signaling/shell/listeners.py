"""SIP sockets: the one place in signaling where the network is opened.

A listener is named by what it is bound to, ``udp:192.0.2.1:5060``; that is the name in a ``Flow``.
"""

import socket
from contextlib import suppress
from typing import Final

from bus.errors import LaunchError
from bus.places import parse_listener
from signaling.state import Listener

RECEIVE_BUFFER: Final = 8 << 20
"""Bytes.  The kernel's default holds about 90 messages."""

ELSEWHERE: Final = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Documentation addresses: connecting a UDP socket to one asks the kernel which way it would go."""

ANYWHERE: Final = ("0.0.0.0", "::")


def open_listener(text: str, advertise: str) -> tuple[Listener, socket.socket]:
    """Bind ``udp:HOST:PORT`` or ``tls:HOST:PORT/TOLD``; port 0 takes a free one.

    ``advertise`` is what peers are told of a listener that names nothing itself.
    """
    wanted = parse_listener(text)
    transport, host, port = wanted.transport, wanted.host, wanted.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    opened = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if transport != "udp":
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        raise LaunchError(f"cannot open {text}: {error.strerror or error}") from None
    opened.setblocking(False)
    if transport == "udp":
        _enlarge(opened)
    port = opened.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    told = wanted.told_host or advertise or (_way_out(family) if host in ANYWHERE else host)
    name = f"{transport}:{shown}:{port}"
    return Listener(name, transport, host, told, wanted.told_port or port), opened


def _enlarge(opened: socket.socket) -> None:
    force = getattr(socket, "SO_RCVBUFFORCE", 33)
    try:
        opened.setsockopt(socket.SOL_SOCKET, force, RECEIVE_BUFFER)
    except OSError:  # not root: as much as the system allows
        with suppress(OSError):
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


def _way_out(family: socket.AddressFamily) -> str:
    """Return the address that packets to other hosts leave from; nothing is sent."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((ELSEWHERE[family], 9))
        except OSError:
            return "127.0.0.1" if family == socket.AF_INET else "::1"
        return str(probe.getsockname()[0])
