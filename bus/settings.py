"""Every setting there is: its name, default, unit and meaning, in one tree.

``offhook --help``, the TOML check and the table in the README are derived from it.  A setting comes
from (later wins) its default, the TOML file, ``OFFHOOK__SECTION__KEY`` and a flag.
"""

import ipaddress
from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from bus.places import parse_listener, parse_nameserver
from bus.uris import host_of

ALGORITHMS = ("SHA-512-256", "SHA-256", "MD5")
CODECS = (
    "PCMU/8000",
    "PCMA/8000",
    "G722/8000",
    "opus/48000",
    "L16/16000",
    "L16/8000",
    "G729/8000",
)
"""A name alone means the first that has it."""

Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections: an unknown key is an error that names it."""


class SipSettings(Section, frozen=True):
    """SIP: where we listen and how long we wait."""

    listen: Annotated[
        tuple[str, ...],
        Meta(
            description="listeners, each udp:, tcp:, tls:, ws: or wss:HOST:PORT, with "
            "/ADDRESS or /ADDRESS:PORT behind it where peers are to be told another place"
        ),
    ] = ("udp:0.0.0.0:5060", "tcp:0.0.0.0:5060")
    advertise: Annotated[
        str,
        Meta(
            description="address we put into Via, Contact and SDP where a listener names none; "
            "empty: the listener's own"
        ),
    ] = ""
    proxy: Annotated[
        str, Meta(description="SIP URI of the proxy that requests outside of dialogs go through")
    ] = ""
    nameserver: Annotated[
        str, Meta(description="ADDRESS or ADDRESS:PORT of the name server; empty: the system's")
    ] = ""
    keepalive: Annotated[
        Seconds,
        Meta(description="seconds between keep-alives on connections we opened; 0: none"),
    ] = 30.0
    stall_timeout: Annotated[
        Seconds,
        Meta(description="seconds a connection may take for one message or a handshake; 0: any"),
    ] = 30.0
    user_agent: Annotated[str, Meta(description="User-Agent and Server header")] = "offhook"
    ring_timeout: Annotated[
        Seconds, Meta(description="seconds an incoming call may ring before it is refused (480)")
    ] = 180.0
    max_transfers: Annotated[
        int, Meta(ge=0, description="transfers in a row that a call follows; a loop ends there")
    ] = 5
    replaces: Annotated[
        str,
        Meta(
            pattern="^(accept|refuse)$",
            description="calls that are to take the place of running ones (RFC 3891): accept or "
            "refuse (603)",
        ),
    ] = "accept"
    session_expires: Annotated[
        int,
        Meta(
            ge=0,
            le=2**31 - 1,
            description="seconds a session may last without a refresh (RFC 4028); "
            "0: any, unless the peer asks",
        ),
    ] = 1800
    min_session_expires: Annotated[
        int,
        Meta(ge=90, le=2**31 - 1, description="least of these that we let a peer ask for (422)"),
    ] = 90
    reliable: Annotated[
        str,
        Meta(
            pattern="^(with_media|when_required|always|never)$",
            description="provisional responses that callers must acknowledge (RFC 3262): "
            "with_media, when_required, always (where they can) or never",
        ),
    ] = "with_media"
    t1: Annotated[Seconds, Meta(description="RFC 3261 T1, seconds")] = 0.5
    max_message_bytes: Annotated[int, Meta(ge=1300, description="longest message taken")] = 65535
    max_connections: Annotated[int, Meta(ge=1, description="connections held open")] = 1000


class TlsSettings(Section, frozen=True):
    """TLS, of the listeners that speak it and towards others (PEM files)."""

    certificate: Annotated[str, Meta(description="our certificate, with its chain")] = ""
    key: Annotated[
        str, Meta(description="its private key; empty: it is in the certificate's file")
    ] = ""
    authorities: Annotated[
        str, Meta(description="certificates of those we trust; empty: the system's")
    ] = ""
    verify_server: Annotated[
        bool, Meta(description="insist that a server proves its domain (RFC 5922)")
    ] = True
    verify_client: Annotated[
        bool, Meta(description="insist that whoever connects to us has a trusted certificate")
    ] = False


class AuthSettings(Section, frozen=True):
    """Digest as a server: who has to prove who it is (RFC 3261 22)."""

    realm: Annotated[str, Meta(description="realm of our challenges")] = "offhook"
    accounts: Annotated[tuple[str, ...], Meta(description="user:password, each")] = ()
    challenge: Annotated[
        tuple[str, ...],
        Meta(description="networks whose requests are challenged (0.0.0.0/0, ::/0: all)"),
    ] = ()
    trust: Annotated[tuple[str, ...], Meta(description="networks that are never challenged")] = ()
    algorithms: Annotated[
        tuple[str, ...],
        Meta(description="offered and accepted, best first: SHA-512-256, SHA-256, MD5"),
    ] = ("SHA-256", "MD5")
    nonce_lifetime: Annotated[
        Seconds, Meta(description="seconds a nonce is good; an answer is good once")
    ] = 300.0


class RegistrarSettings(Section, frozen=True):
    """A small registrar and the way to who is registered."""

    enabled: Annotated[bool, Meta(description="accept REGISTER, and send calls to who did")] = False
    domains: Annotated[
        tuple[str, ...], Meta(description="hosts we register for; empty: any that reaches us")
    ] = ()
    min_expires: Annotated[int, Meta(ge=1, description="shortest registration, seconds (423)")] = 60
    max_expires: Annotated[int, Meta(ge=1, description="longest registration, seconds")] = 3600
    max_contacts: Annotated[int, Meta(ge=1, description="contacts of one address of record")] = 10


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
    cores: Annotated[
        tuple[int, ...],
        Meta(description="CPUs to keep the workers on, one each in turn; empty: on any"),
    ] = ()
    inband_digits: Annotated[
        str,
        Meta(
            pattern="^(auto|always|never)$",
            description="look for digits in what a peer says: auto (if it takes no "
            "telephone-events), always or never",
        ),
    ] = "auto"
    backend: Annotated[
        str,
        Meta(
            pattern="^(auto|uring|portable)$",
            description="how RTP gets in and out: auto (io_uring where the system lets us), "
            "uring or portable (epoll)",
        ),
    ] = "auto"
    srtp: Annotated[
        str,
        Meta(
            pattern="^(off|offer|require)$",
            description="SRTP with keys in SDP (RFC 4568; use sips, as SIP itself must be "
            "protected): off (488 for who insists), offer (where the peer can) or require",
        ),
    ] = "off"
    codecs: Annotated[
        tuple[str, ...],
        Meta(
            description="codecs that are offered, best first, and accepted: some of PCMU, PCMA, "
            "G722, opus, L16 (at 16 kHz; L16/8000), G729 (with libbcg729)"
        ),
    ] = ("PCMU", "PCMA", "G722")
    port_rest: Annotated[
        Seconds, Meta(description="seconds a port pair rests before it is used again")
    ] = 5.0
    accept_rtp_from: Annotated[
        str,
        Meta(
            pattern="^(sdp|latch|any)$",
            description="who is heard: sdp, the address that the peer describes; latch, also where "
            "it turns out to be (behind NAT), which is learnt at times only; any: whoever sends",
        ),
    ] = "latch"
    rtcp_mux: Annotated[
        bool, Meta(description="offer and accept RTCP on the port of RTP (RFC 5761)")
    ] = True
    dtx: Annotated[
        bool,
        Meta(
            description="offer and accept comfort noise (RFC 3389), and send that in place of "
            "silence, a packet now and then"
        ),
    ] = False
    rtp_timeout: Annotated[
        Seconds,
        Meta(description="seconds without RTP after which a call's owner is told; 0: never"),
    ] = 10.0
    rtp_timeout_hangup: Annotated[
        Seconds, Meta(description="seconds without RTP after which we hang up; 0: never")
    ] = 0.0


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
    trace_messages: Annotated[
        int, Meta(ge=0, description="SIP messages kept for `offhook trace` (32 MB at most)")
    ] = 20_000


class Settings(Section, frozen=True):
    """The whole tree."""

    sip: SipSettings = SipSettings()
    tls: TlsSettings = TlsSettings()
    auth: AuthSettings = AuthSettings()
    registrar: RegistrarSettings = RegistrarSettings()
    media: MediaSettings = MediaSettings()
    bus: BusSettings = BusSettings()
    supervisor: SupervisorSettings = SupervisorSettings()
    log: LogSettings = LogSettings()


def problems(settings: Settings) -> Iterator[tuple[str, str]]:
    """Say what no single type can: yields the key and what is wrong with its value."""
    if not settings.sip.listen:
        yield "sip.listen", "names no listener"
    for text in settings.sip.listen:
        try:
            secure = parse_listener(text).transport in ("tls", "wss")
        except ValueError as error:
            yield "sip.listen", str(error)
        else:
            if secure and not settings.tls.certificate:
                yield "tls.certificate", f"is empty, and {text} needs one"
    if 0 < settings.sip.session_expires < settings.sip.min_session_expires:
        yield "sip.session_expires", "is below sip.min_session_expires"
    if settings.sip.proxy and not host_of(settings.sip.proxy):
        yield "sip.proxy", "is not a SIP URI"
    if settings.sip.nameserver:
        try:
            parse_nameserver(settings.sip.nameserver)
        except ValueError as error:
            yield "sip.nameserver", str(error)
    yield from _auth_problems(settings.auth)
    media = settings.media
    if not media.codecs or not all(is_codec(name) for name in media.codecs):
        yield "media.codecs", f"must be some of {', '.join(CODECS)}"
    if media.port_first < 1024 or media.port_first % 2:
        yield "media.port_first", "must be even and at least 1024"
    if media.port_last <= media.port_first:
        yield "media.port_last", f"must be above media.port_first ({media.port_first})"


def is_codec(name: str) -> bool:
    """Whether it is one of ours, with or without its clock rate; case does not matter."""
    return any(name.lower() in (each.lower(), each.lower().partition("/")[0]) for each in CODECS)


def _auth_problems(auth: AuthSettings) -> Iterator[tuple[str, str]]:
    for account in auth.accounts:
        user, colon, password = account.partition(":")
        if not (user and colon and password):
            yield "auth.accounts", f"the entry of {user!r} is not user:password"
    for key, networks in (("auth.challenge", auth.challenge), ("auth.trust", auth.trust)):
        for network in networks:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                yield key, str(error)
    unknown = [name for name in auth.algorithms if name.upper() not in ALGORITHMS]
    if unknown or not auth.algorithms:
        yield "auth.algorithms", f"must be some of {', '.join(ALGORITHMS)}"
