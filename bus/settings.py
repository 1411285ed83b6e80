"""Every setting there is: its name, default, unit and meaning, in one tree.

``offhook --help``, the TOML check and the table in the README are derived from it.  A setting comes
from (later wins) its default, the TOML file, ``OFFHOOK__SECTION__KEY`` and a flag.
"""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections: an unknown key is an error that names it."""


class SipSettings(Section, frozen=True):
    """SIP: where we listen and how long we wait."""

    listen: Annotated[
        tuple[str, ...], Meta(description="listeners, each udp:HOST:PORT or tcp:HOST:PORT")
    ] = ("udp:0.0.0.0:5060", "tcp:0.0.0.0:5060")
    advertise: Annotated[
        str, Meta(description="address we put into Via, Contact and SDP; empty: the listener's own")
    ] = ""
    user_agent: Annotated[str, Meta(description="User-Agent and Server header")] = "offhook"
    ring_timeout: Annotated[
        Seconds, Meta(description="seconds an incoming call may ring before it is refused (480)")
    ] = 180.0
    t1: Annotated[Seconds, Meta(description="RFC 3261 T1, seconds")] = 0.5
    max_message_bytes: Annotated[int, Meta(ge=1300, description="longest message taken")] = 65535
    max_connections: Annotated[int, Meta(ge=1, description="TCP connections held open")] = 1000


class MediaSettings(Section, frozen=True):
    """Media workers and RTP."""

    workers: Annotated[
        int, Meta(ge=0, le=64, description="media workers; 0: one less than the cores, at least 1")
    ] = 0
    standbys: Annotated[int, Meta(ge=0, le=8, description="idle workers, ready to step in")] = 1
    streams: Annotated[int, Meta(ge=1, le=8192, description="streams a worker can carry")] = 2000
    port_first: Annotated[Port, Meta(description="first RTP port (even)")] = 20000
    port_last: Annotated[
        Port, Meta(description="last RTCP port; Linux gives those from 32768 up to anybody")
    ] = 32767
    realtime: Annotated[
        bool, Meta(description="ask for SCHED_RR, locked memory; what was granted is shown")
    ] = True
    port_rest: Annotated[
        Seconds, Meta(description="seconds a port pair rests before it is used again")
    ] = 5.0


class BusSettings(Section, frozen=True):
    """The control bus."""

    client_timeout: Annotated[
        Seconds, Meta(description="seconds of silence after which a client is lost")
    ] = 5.0
    queue: Annotated[
        int, Meta(ge=16, description="messages kept for a slow client before a snapshot")
    ] = 1000
    max_frame_bytes: Annotated[int, Meta(ge=1024, description="longest bus frame taken")] = 1 << 20


class SupervisorSettings(Section, frozen=True):
    """Starting, watching and stopping."""

    orphan_grace: Annotated[
        Seconds, Meta(description="seconds after the supervisor's death until all hang up and exit")
    ] = 10.0
    drain: Annotated[
        Seconds, Meta(description="seconds that SIGTERM gives running calls before they are ended")
    ] = 5.0
    boot_timeout: Annotated[Seconds, Meta(description="seconds a child may take to serve")] = 10.0
    max_boot_failures: Annotated[
        int, Meta(ge=1, description="failed starts in a row before a child is given up")
    ] = 5
    hang_timeout: Annotated[
        Seconds,
        Meta(description="seconds a worker's tick may stand still before it is killed; 0: never"),
    ] = 5.0


class LogSettings(Section, frozen=True):
    """Logs, on standard error."""

    level: Annotated[
        str,
        Meta(
            pattern="^(debug|info|warning|error)$",
            description="least severe that is written: debug, info, warning or error",
        ),
    ] = "info"


class Settings(Section, frozen=True):
    """The whole tree."""

    sip: SipSettings = SipSettings()
    media: MediaSettings = MediaSettings()
    bus: BusSettings = BusSettings()
    supervisor: SupervisorSettings = SupervisorSettings()
    log: LogSettings = LogSettings()


class Listener(msgspec.Struct, frozen=True):
    """A place where SIP is heard."""

    transport: str
    """``udp`` or ``tcp``."""
    host: str
    """IPv4 or IPv6 literal (without brackets) or a name."""
    port: int
    """0: any free one."""


def parse_listener(text: str) -> Listener:
    """Read ``udp:HOST:PORT`` or ``tcp:[HOST]:PORT``.  Raises ValueError, which says what is odd."""
    transport, _, rest = text.partition(":")
    host, colon, port = rest.rpartition(":")
    if transport not in ("udp", "tcp"):
        raise ValueError(f"{text!r} does not begin with udp: or tcp:")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not bare or ("[" in bare or "]" in bare) or (":" in bare and bare == host):
        raise ValueError(f"{text!r} is not {transport}:HOST:PORT (an IPv6 address in brackets)")
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError(f"port {port!r} in {text!r} is not a number from 0 to 65535")
    return Listener(transport, bare, int(port))


def problems(settings: Settings) -> Iterator[tuple[str, str]]:
    """Say what no single type can: yields the key and what is wrong with its value."""
    if not settings.sip.listen:
        yield "sip.listen", "names no listener"
    for text in settings.sip.listen:
        try:
            parse_listener(text)
        except ValueError as error:
            yield "sip.listen", str(error)
    media = settings.media
    if media.port_first < 1024 or media.port_first % 2:
        yield "media.port_first", "must be even and at least 1024"
    if media.port_last <= media.port_first:
        yield "media.port_last", f"must be above media.port_first ({media.port_first})"
