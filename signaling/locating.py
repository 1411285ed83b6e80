"""Where a SIP URI leads (RFC 3263): questions for the name service, then targets in their order.

    search = begin(host, port, transport, secure, offers)    offers: what our listeners speak
    while search.questions:                        NAPTR, then SRV, then A and AAAA
        hear(search, answers, draw)                one round of answers, each to one question
    search.targets                                 best first: (transport, address, port, domain)

Each round is asked at once and heard at once; a numeric host needs none.  A name without service
records is its own server: its addresses, at the URI's port or the transport's own (4.2).
"""

import ipaddress
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Final, Literal

import msgspec

from signaling.sip.flow import PORTS, SECURE

Kind = Literal["NAPTR", "SRV", "A", "AAAA"]

SERVICES: Final = {
    "SIP+D2U": "udp",
    "SIP+D2T": "tcp",
    "SIPS+D2T": "tls",
    "SIP+D2W": "ws",
    "SIPS+D2W": "wss",
}
"""What a NAPTR record offers (RFC 3263 4.1, RFC 7118 6)."""

PREFIXES: Final = {
    "udp": "_sip._udp",
    "tcp": "_sip._tcp",
    "tls": "_sips._tcp",
    "ws": "_sip._ws",
    "wss": "_sips._ws",
}

MOST_TARGETS: Final = 16
"""A name that leads to more is not followed further."""

Draw = Callable[[], float]
"""Return a number in [0, 1)."""


class Question(msgspec.Struct, frozen=True):
    """One look-up."""

    kind: Kind
    name: str


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One record of an answer; an address has only ``target``."""

    target: str
    """Address, or name of a server (SRV) or of further records (NAPTR)."""
    order: int = 0
    """NAPTR's order, SRV's priority: the lower is first."""
    weight: int = 0
    """NAPTR's preference (the lower is first), SRV's weight (the higher is likelier)."""
    port: int = 0
    flags: str = ""
    service: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What was found; no records: there are none, or nobody could say."""

    question: Question
    records: tuple[Record, ...] = ()
    reason: str = ""
    """Why there are none."""


class Target(msgspec.Struct, frozen=True):
    """A place to send a request to."""

    transport: str
    address: str
    port: int
    domain: str = ""
    """What a TLS server there must prove to be (RFC 5922): the name we began with."""


class Offer(msgspec.Struct, frozen=True):
    """A transport that we can speak, over one family of addresses."""

    transport: str
    six: bool


class _Server(msgspec.Struct, frozen=True):
    transport: str
    name: str
    port: int


class Search(msgspec.Struct, kw_only=True):
    """A search under way."""

    host: str
    port: int | None
    transports: tuple[str, ...]
    """Those that may be used, best first."""
    offers: tuple[Offer, ...]
    servers: list[_Server] = []
    questions: list[Question] = []
    targets: list[Target] = []
    reason: str = ""
    """Why there are no targets."""


def begin(
    host: str, port: int | None, transport: str, secure: bool, offers: Sequence[Offer]
) -> Search:
    """Begin with the parts of a URI; ``transport`` is empty where the URI has none.

    ``secure`` (a sips URI) leaves TLS alone, and turns a transport into the one that has it.
    """
    ours = tuple(dict.fromkeys(offer.transport for offer in offers))
    wanted = _wanted(transport.lower(), secure)
    search = Search(
        host=host.strip("[]").removesuffix("."),
        port=port,
        transports=tuple(each for each in wanted if each in ours),
        offers=tuple(offers),
    )
    if not search.transports:
        search.reason = f"no {' or '.join(wanted)} listener"
    elif is_numeric(search.host):
        _stand_alone(search)
        _aim(search, {search.host: [search.host]})
    elif problem := name_problem(search.host):
        search.reason = problem
    elif port is not None:
        _stand_alone(search)
        _ask_addresses(search)
    elif transport:
        search.questions = [_srv(search, search.transports[0])]
    else:
        search.questions = [Question("NAPTR", search.host)]
    return search


def hear(search: Search, answers: Sequence[Answer], draw: Draw) -> None:
    """Take the answers of a round; there are further ``questions``, or ``targets`` or a reason."""
    found = {answer.question: answer for answer in answers}
    asked, search.questions = search.questions, []
    match asked[0].kind:
        case "NAPTR":
            _hear_naptr(search, found[asked[0]])
        case "SRV":
            _hear_srv(search, [found[question] for question in asked], draw)
        case "A" | "AAAA":
            _hear_addresses(search, [found[question] for question in asked])


@lru_cache(maxsize=4096)
def is_numeric(host: str) -> bool:
    """Whether a host is an IP address."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


LONGEST_NAME, LONGEST_LABEL = 253, 63


def name_problem(host: str) -> str:
    """Say why a host name need not be looked up, nothing if it can (RFC 1035 2.3.4)."""
    labels = host.removesuffix(".").split(".")
    if labels[-1].lower() == "invalid":
        return f"{host!r} exists nowhere (RFC 6761)"
    if len(host) > LONGEST_NAME or any(not 0 < len(label) <= LONGEST_LABEL for label in labels):
        return f"{host[:LONGEST_LABEL]!r} is not a host name"
    return ""


def ordered(records: Sequence[Record], draw: Draw) -> list[Record]:
    """Put SRV records into the order of RFC 2782: by priority, within it drawn by weight."""
    result: list[Record] = []
    for priority in sorted({record.order for record in records}):
        rest = [record for record in records if record.order == priority]
        rest.sort(key=lambda record: record.weight)  # those of weight 0 get their small chance
        while rest:
            drawn = int(draw() * (sum(record.weight for record in rest) + 1))
            sums = accumulate(record.weight for record in rest)
            chosen = next(place for place, reached in enumerate(sums) if reached >= drawn)
            result.append(rest.pop(chosen))
    return result


# -------------------------------------------------------------------------------- the rounds


def _wanted(transport: str, secure: bool) -> tuple[str, ...]:
    if not transport:
        return ("tls",) if secure else ("udp", "tcp", "tls")
    if secure or transport in SECURE:
        return ({"tcp": "tls", "ws": "wss", "udp": "tls"}.get(transport, transport),)
    return (transport,)


def _srv(search: Search, transport: str) -> Question:
    return Question("SRV", f"{PREFIXES[transport]}.{search.host}")


def _hear_naptr(search: Search, answer: Answer) -> None:
    usable = [
        record
        for record in sorted(answer.records, key=lambda record: (record.order, record.weight))
        if record.flags.lower() == "s"
        and SERVICES.get(record.service.upper(), "") in search.transports
    ]
    if usable:
        search.transports = tuple(SERVICES[record.service.upper()] for record in usable)
        search.questions = [Question("SRV", record.target) for record in usable]
    else:
        search.questions = [_srv(search, transport) for transport in search.transports]


def _hear_srv(search: Search, answers: Sequence[Answer], draw: Draw) -> None:
    for transport, answer in zip(search.transports, answers, strict=True):
        # The target "." says that the service is not there at all (RFC 2782).
        there = [record for record in answer.records if record.target.strip(".")]
        search.servers += [
            _Server(transport, record.target.removesuffix("."), record.port)
            for record in ordered(there, draw)
        ]
    if not search.servers:
        _stand_alone(search)
    _ask_addresses(search)


def _hear_addresses(search: Search, answers: Sequence[Answer]) -> None:
    known: dict[str, list[str]] = {}
    for answer in answers:
        known.setdefault(answer.question.name, []).extend(r.target for r in answer.records)
    _aim(search, known)
    if not search.targets:
        said = next((answer.reason for answer in answers if answer.reason), "")
        search.reason = said or f"{search.host} has no address that we can reach"


def _stand_alone(search: Search) -> None:
    """Take the host itself for the only server, over the transport that the RFC gives it."""
    transport = search.transports[0]
    search.servers = [_Server(transport, search.host, search.port or PORTS[transport])]


def _ask_addresses(search: Search) -> None:
    names = dict.fromkeys(server.name for server in search.servers[:MOST_TARGETS])
    families = {offer.six for offer in search.offers if offer.transport in search.transports}
    search.questions = [
        Question("AAAA" if six else "A", name) for name in names for six in sorted(families)
    ]


def _aim(search: Search, known: dict[str, list[str]]) -> None:
    domain = "" if is_numeric(search.host) else search.host
    for server in search.servers:
        for address in known.get(server.name, []):
            if Offer(server.transport, ":" in address) in search.offers:
                search.targets.append(Target(server.transport, address, server.port, domain))
    del search.targets[MOST_TARGETS:]
    if not search.targets and is_numeric(search.host):
        family = "IPv6" if ":" in search.host else "IPv4"
        search.reason = f"no {search.servers[0].transport} listener for {family}"
