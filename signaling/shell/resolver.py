"""The name service: hosts file, the system's resolver, and DNS for SRV and NAPTR (dnspython).

Answers are kept as long as their records say, and at least a moment; ``no`` is kept for a while
too.  A name of the hosts file has its addresses and nothing else.  With ``sip.nameserver`` that
server alone is asked (after the hosts file).
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.rdtypes.IN.NAPTR
import dns.rdtypes.IN.SRV
import dns.resolver

from bus.places import parse_nameserver
from signaling.locating import Answer, Question, Record

HOSTS: Final = Path("/etc/hosts")
LIFETIME: Final = 4.0
"""Seconds that one look-up may take."""
NEGATIVE_TTL: Final = 10.0
SYSTEM_TTL: Final = 5.0
"""Of what the system's resolver says, which does not say how long it holds."""
LEAST_TTL: Final = 1.0
MOST_KEPT: Final = 1000

Clock = Callable[[], float]


class Resolver:
    """Asks, and remembers."""

    def __init__(
        self, nameserver: str, clock: Clock, hosts: Path = HOSTS, *, lifetime: float = LIFETIME
    ) -> None:
        self.clock = clock
        self.lifetime = lifetime
        self.hosts = hosts
        self.kept: dict[Question, tuple[float, Answer]] = {}
        self.asking: dict[Question, asyncio.Task[Answer]] = {}
        self.system = not nameserver
        self.dns = _dns(nameserver)

    async def answer(self, questions: Sequence[Question]) -> tuple[Answer, ...]:
        """Answer a round of questions; what nobody can say is an answer without records."""
        return tuple(await asyncio.gather(*(self._one(question) for question in questions)))

    async def _one(self, question: Question) -> Answer:
        kept = self.kept.get(question)
        if kept is not None and kept[0] > self.clock():
            return kept[1]
        if question not in self.asking:
            self.asking[question] = asyncio.create_task(self._ask(question))
        return await asyncio.shield(self.asking[question])

    async def _ask(self, question: Question) -> Answer:
        try:
            ttl, answer = await self._look_up(question)
        finally:
            del self.asking[question]
        if len(self.kept) >= MOST_KEPT:
            self.kept.clear()
        self.kept[question] = (self.clock() + max(ttl, LEAST_TTL), answer)
        return answer

    async def _look_up(self, question: Question) -> tuple[float, Answer]:
        addresses = self._from_hosts(question.name)
        if addresses:
            six = question.kind == "AAAA"
            meant = question.kind in ("A", "AAAA")
            fitting = [each for each in addresses if meant and (":" in each) == six]
            return SYSTEM_TTL, Answer(question, tuple(Record(target=each) for each in fitting))
        if self.system and question.kind in ("A", "AAAA"):
            return await _from_system(question)
        return await self._from_dns(question)

    def _from_hosts(self, name: str) -> list[str]:
        try:
            lines = self.hosts.read_text(errors="replace").splitlines()
        except OSError:
            return []
        entries = [line.partition("#")[0].lower().split() for line in lines]
        return [entry[0] for entry in entries if name.lower() in entry[1:]]

    async def _from_dns(self, question: Question) -> tuple[float, Answer]:
        if self.dns is None:
            return NEGATIVE_TTL, Answer(question, reason="no name server is known")
        try:
            found = await self.dns.resolve(question.name, question.kind, lifetime=self.lifetime)
        except (dns.exception.DNSException, OSError, ValueError) as error:
            return NEGATIVE_TTL, Answer(question, reason=_said(question, error))
        records = tuple(_record(rdata) for rdata in found)
        return float(found.rrset.ttl if found.rrset else 0), Answer(question, records)


async def _from_system(question: Question) -> tuple[float, Answer]:
    family = socket.AF_INET6 if question.kind == "AAAA" else socket.AF_INET
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(question.name, None, family=family, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        return NEGATIVE_TTL, Answer(question, reason=f"{question.name}: {error}")
    addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
    return SYSTEM_TTL, Answer(question, tuple(Record(target=each) for each in addresses))


def _dns(nameserver: str) -> dns.asyncresolver.Resolver | None:
    if not nameserver:
        try:
            return dns.asyncresolver.Resolver()
        except dns.exception.DNSException:  # no resolv.conf
            return None
    made = dns.asyncresolver.Resolver(configure=False)
    address, made.port = parse_nameserver(nameserver)
    made.nameservers = [address]
    return made


def _record(rdata: object) -> Record:
    match rdata:
        case dns.rdtypes.IN.SRV.SRV():
            return Record(
                target=rdata.target.to_text(),
                order=rdata.priority,
                weight=rdata.weight,
                port=rdata.port,
            )
        case dns.rdtypes.IN.NAPTR.NAPTR():
            return Record(
                target=rdata.replacement.to_text(omit_final_dot=True),
                order=rdata.order,
                weight=rdata.preference,
                flags=rdata.flags.decode("ascii", "replace"),
                service=rdata.service.decode("ascii", "replace"),
            )
        case _:
            return Record(target=str(rdata))


def _said(question: Question, error: Exception) -> str:
    match error:
        case dns.resolver.NXDOMAIN():
            return f"{question.name} does not exist"
        case dns.resolver.NoAnswer():
            return f"{question.name} has no {question.kind} record"
        case dns.exception.Timeout():
            return f"{question.name}: no answer from the name server"
        case _:
            return f"{question.name}: {error}"
