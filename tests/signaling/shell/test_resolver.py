"""Look-ups: the hosts file, the system, and a real name server."""

import asyncio
from pathlib import Path

import pytest

from signaling.locating import Answer, Kind, Offer, Question, Record, begin, hear
from signaling.shell.resolver import NEGATIVE_TTL, Resolver
from tests.peers.dnsmasq import Dnsmasq
from tests.peers.ports import free_port

RECORDS = (
    "naptr-record=one.test,20,50,s,SIP+D2U,,_sip._udp.one.test",
    "naptr-record=one.test,10,50,s,SIP+D2T,,_sip._tcp.one.test",
    "srv-host=_sip._tcp.one.test,b.one.test,5062,2,5",
    "srv-host=_sip._tcp.one.test,a.one.test,5061,1,5",
    "srv-host=_sip._udp.one.test,a.one.test,5060,1,5",
    "host-record=a.one.test,192.0.2.1,2001:db8::1",
    "host-record=b.one.test,192.0.2.2",
)


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def look_up(resolver: Resolver, kind: Kind, name: str) -> Answer:
    (answer,) = asyncio.run(resolver.answer([Question(kind, name)]))
    return answer


@pytest.mark.peer("dnsmasq")
def test_a_name_server_leads_to_targets_in_their_order(tmp_path: Path) -> None:
    with Dnsmasq(tmp_path, RECORDS) as server:
        resolver = Resolver(server.nameserver, Hand(), tmp_path / "no hosts")
        offers = [Offer("udp", False), Offer("tcp", False), Offer("tcp", True)]
        search = begin("one.test", None, "", False, offers)

        async def run() -> None:
            while search.questions:
                hear(search, await resolver.answer(search.questions), lambda: 0.5)

        asyncio.run(run())
    assert [(t.transport, t.address, t.port) for t in search.targets] == [
        ("tcp", "192.0.2.1", 5061),
        ("tcp", "2001:db8::1", 5061),
        ("tcp", "192.0.2.2", 5062),
        ("udp", "192.0.2.1", 5060),
    ]


@pytest.mark.peer("dnsmasq")
def test_answers_are_kept_as_long_as_they_hold(tmp_path: Path) -> None:
    clock = Hand()
    with Dnsmasq(tmp_path, RECORDS, ttl=60) as server:
        resolver = Resolver(server.nameserver, clock, tmp_path / "no hosts")
        for at, asked in ((1000.0, 1), (1059.0, 1), (1061.0, 2)):
            clock.at = at
            assert look_up(resolver, "A", "b.one.test").records == (Record(target="192.0.2.2"),)
            assert server.queries("A", "b.one.test") == asked


@pytest.mark.peer("dnsmasq")
def test_that_there_is_nothing_is_kept_too(tmp_path: Path) -> None:
    clock = Hand()
    with Dnsmasq(tmp_path, RECORDS) as server:
        resolver = Resolver(server.nameserver, clock, tmp_path / "no hosts")
        for at, asked in ((0.0, 1), (NEGATIVE_TTL - 1, 1), (NEGATIVE_TTL + 1, 2)):
            clock.at = 1000.0 + at
            answer = look_up(resolver, "SRV", "_sip._udp.none.test")
            assert (answer.records, answer.reason) == ((), "_sip._udp.none.test does not exist")
            assert server.queries("SRV", "_sip._udp.none.test") == asked
        answer = look_up(resolver, "NAPTR", "a.one.test")
        assert (answer.records, answer.reason) == ((), "a.one.test has no NAPTR record")


@pytest.mark.peer("dnsmasq")
def test_the_same_question_twice_at_once_is_asked_once(tmp_path: Path) -> None:
    with Dnsmasq(tmp_path, RECORDS) as server:
        resolver = Resolver(server.nameserver, Hand(), tmp_path / "no hosts")
        question = Question("A", "b.one.test")

        async def both() -> None:
            one, other = await asyncio.gather(
                resolver.answer([question]), resolver.answer([question])
            )
            assert one == other

        asyncio.run(both())
        assert server.queries("A", "b.one.test") == 1


def test_a_name_of_the_hosts_file_has_its_addresses_and_nothing_else(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("# a comment\n192.0.2.7 Box box.test # here\n2001:db8::7\tbox.test\n")
    resolver = Resolver(f"127.0.0.1:{free_port()}", Hand(), hosts)
    assert look_up(resolver, "A", "box.test").records == (Record(target="192.0.2.7"),)
    assert look_up(resolver, "AAAA", "BOX.test").records == (Record(target="2001:db8::7"),)
    assert look_up(resolver, "SRV", "box.test").records == ()


def test_the_system_is_asked_for_addresses(tmp_path: Path) -> None:
    resolver = Resolver("", Hand(), tmp_path / "no hosts")
    assert look_up(resolver, "A", "localhost").records == (Record(target="127.0.0.1"),)
    assert "x.invalid" in look_up(resolver, "A", "x.invalid").reason


def test_a_name_server_that_does_not_answer_is_said(tmp_path: Path) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    resolver = Resolver(nobody, Hand(), tmp_path / "no hosts", lifetime=0.1)
    answer = look_up(resolver, "NAPTR", "one.test")
    assert not answer.records
    assert "one.test" in answer.reason
