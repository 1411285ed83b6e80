"""RFC 3263, its examples and its corners, as questions and answers."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.locating import (
    MOST_TARGETS,
    Answer,
    Kind,
    Offer,
    Record,
    Search,
    Target,
    begin,
    hear,
    is_numeric,
    name_problem,
    ordered,
)

ALL = tuple(
    Offer(each, six) for each in ("udp", "tcp", "tls", "ws", "wss") for six in (False, True)
)
FOUR = tuple(offer for offer in ALL if not offer.six)

Zone = dict[tuple[Kind, str], Sequence[Record]]


def search(
    zone: Zone,
    host: str = "example.com",
    port: int | None = None,
    transport: str = "",
    secure: bool = False,
    offers: Sequence[Offer] = FOUR,
) -> tuple[Search, list[list[str]]]:
    """Search a zone to the end; return the search and what was asked in each round."""
    found = begin(host, port, transport, secure, offers)
    rounds: list[list[str]] = []
    while found.questions:
        rounds.append([f"{question.kind} {question.name}" for question in found.questions])
        answers = [
            Answer(question, tuple(zone.get((question.kind, question.name), ())), "nothing there")
            for question in found.questions
        ]
        hear(found, answers, lambda: 0.0)
    return found, rounds


def naptr(service: str, target: str, order: int = 10, preference: int = 10) -> Record:
    return Record(target=target, order=order, weight=preference, flags="s", service=service)


def srv(target: str, port: int = 5060, priority: int = 0, weight: int = 0) -> Record:
    return Record(target=target, order=priority, weight=weight, port=port)


def address(text: str) -> Record:
    return Record(target=text)


def test_the_example_of_the_rfc() -> None:
    """RFC 3263 4.1 and 4.2: three services by NAPTR, then two servers by SRV."""
    zone: Zone = {
        ("NAPTR", "example.com"): [
            naptr("SIP+D2U", "_sip._udp.example.com", 100, 50),
            naptr("SIP+D2T", "_sip._tcp.example.com", 90, 50),
            naptr("SIPS+D2T", "_sips._tcp.example.com", 50, 50),
        ],
        ("SRV", "_sips._tcp.example.com"): [
            srv("server2.example.com.", 5061, 1, 2),
            srv("server1.example.com.", 5061, 0, 1),
        ],
        ("SRV", "_sip._tcp.example.com"): [srv("server1.example.com", 5060)],
        ("A", "server1.example.com"): [address("192.0.2.1")],
        ("A", "server2.example.com"): [address("192.0.2.2")],
    }
    found, rounds = search(zone)
    assert rounds == [
        ["NAPTR example.com"],
        ["SRV _sips._tcp.example.com", "SRV _sip._tcp.example.com", "SRV _sip._udp.example.com"],
        ["A server1.example.com", "A server2.example.com"],
    ]
    assert found.targets == [
        Target("tls", "192.0.2.1", 5061, "example.com"),
        Target("tls", "192.0.2.2", 5061, "example.com"),
        Target("tcp", "192.0.2.1", 5060, "example.com"),
    ]


@pytest.mark.parametrize(
    ("host", "port", "transport", "secure", "target"),
    [
        ("192.0.2.9", None, "", False, Target("udp", "192.0.2.9", 5060)),
        ("192.0.2.9", 5070, "TCP", False, Target("tcp", "192.0.2.9", 5070)),
        ("192.0.2.9", None, "", True, Target("tls", "192.0.2.9", 5061)),
        ("192.0.2.9", None, "tcp", True, Target("tls", "192.0.2.9", 5061)),
        ("192.0.2.9", None, "tls", False, Target("tls", "192.0.2.9", 5061)),
        ("192.0.2.9", None, "ws", False, Target("ws", "192.0.2.9", 80)),
        ("192.0.2.9", 8443, "ws", True, Target("wss", "192.0.2.9", 8443)),
        ("[2001:db8::9]", None, "", False, Target("udp", "2001:db8::9", 5060)),
    ],
)
def test_a_numeric_host_needs_no_question(
    host: str, port: int | None, transport: str, secure: bool, target: Target
) -> None:
    found, rounds = search({}, host, port, transport, secure, ALL)
    assert not rounds
    assert found.targets == [target]


def test_a_port_needs_addresses_only() -> None:
    found, rounds = search({("A", "example.com"): [address("192.0.2.3")]}, port=5070)
    assert rounds == [["A example.com"]]
    assert found.targets == [Target("udp", "192.0.2.3", 5070, "example.com")]


def test_a_transport_needs_no_naptr() -> None:
    zone: Zone = {
        ("SRV", "_sip._tcp.example.com"): [srv("s.example.com", 5088)],
        ("A", "s.example.com"): [address("192.0.2.4"), address("192.0.2.5")],
    }
    found, rounds = search(zone, transport="tcp")
    assert rounds == [["SRV _sip._tcp.example.com"], ["A s.example.com"]]
    assert [(t.address, t.port) for t in found.targets] == [
        ("192.0.2.4", 5088),
        ("192.0.2.5", 5088),
    ]


def test_a_name_without_service_records_is_its_own_server() -> None:
    zone: Zone = {
        ("A", "example.com"): [address("192.0.2.3")],
        ("AAAA", "example.com"): [address("2001:db8::3")],
    }
    found, rounds = search(zone, offers=ALL)
    assert rounds[1] == [f"SRV _sip{s}.example.com" for s in ("._udp", "._tcp", "s._tcp")]
    assert rounds[2] == ["A example.com", "AAAA example.com"]
    assert [(t.transport, t.address) for t in found.targets] == [
        ("udp", "192.0.2.3"),
        ("udp", "2001:db8::3"),
    ]


def test_naptr_of_what_we_do_not_speak_is_passed_over() -> None:
    zone: Zone = {
        ("NAPTR", "example.com"): [
            naptr("SIP+D2S", "_sip._sctp.example.com", 1),
            naptr("SIPS+D2T", "_sips._tcp.example.com", 2),
            naptr("SIP+D2U", "elsewhere.example.com", 3),
            Record(target="x.example.com", order=0, flags="u", service="SIP+D2U"),
        ]
    }
    _, rounds = search(zone, offers=(Offer("udp", False), Offer("tcp", False)))
    assert rounds[1] == ["SRV elsewhere.example.com"]


def test_sips_never_leaves_tls() -> None:
    zone: Zone = {
        ("NAPTR", "example.com"): [naptr("SIP+D2U", "_sip._udp.example.com")],
        ("A", "example.com"): [address("192.0.2.3")],
    }
    found, rounds = search(zone, secure=True)
    assert rounds[1] == ["SRV _sips._tcp.example.com"]
    assert {target.transport for target in found.targets} == {"tls"}


def test_a_service_that_is_not_there_is_not_used() -> None:
    """RFC 2782: the target ``.`` says so."""
    zone: Zone = {
        ("SRV", "_sip._udp.example.com"): [srv(".")],
        ("SRV", "_sip._tcp.example.com"): [srv("s.example.com")],
        ("A", "s.example.com"): [address("192.0.2.4")],
    }
    found, _ = search(zone)
    assert found.targets == [Target("tcp", "192.0.2.4", 5060, "example.com")]


@pytest.mark.parametrize(
    ("host", "transport", "offers", "reason"),
    [
        ("example.com", "", FOUR, "nothing there"),
        ("192.0.2.1", "tls", FOUR[:1], "no tls listener"),
        ("2001:db8::1", "", FOUR, "no udp listener for IPv6"),
        ("a..b", "", FOUR, "not a host name"),
        ("phone.invalid", "", FOUR, "RFC 6761"),
    ],
)
def test_why_there_is_no_target(
    host: str, transport: str, offers: Sequence[Offer], reason: str
) -> None:
    found, _ = search({}, host, None, transport, False, offers)
    assert not found.targets
    assert reason in found.reason


def test_a_name_that_leads_to_very_many_is_cut() -> None:
    many = [address(f"192.0.2.{number}") for number in range(200)]
    found, _ = search({("A", "example.com"): many}, port=5060)
    assert len(found.targets) == MOST_TARGETS


def test_srv_goes_by_priority_then_by_weight() -> None:
    records = [srv("c", priority=2), srv("b", priority=1, weight=1), srv("a", priority=1, weight=3)]
    drawn = [ordered(records, partial(float, at / 1000)) for at in range(1000)]
    firsts = Counter(order[0].target for order in drawn)
    assert {order[2].target for order in drawn} == {"c"}
    # RFC 2782 draws from 0 to the sum, both included: 0 and 1 of 0..4 are b's.
    assert firsts["b"] == pytest.approx(400, abs=1)
    assert firsts["a"] == pytest.approx(600, abs=1)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 65535)), max_size=8),
    st.floats(0, 1, exclude_max=True),
)
def test_no_server_is_lost_in_drawing(rows: list[tuple[int, int]], drawn: float) -> None:
    records = [srv(str(n), priority=p, weight=w) for n, (p, w) in enumerate(rows)]
    result = ordered(records, lambda: drawn)
    assert sorted(result, key=str) == sorted(records, key=str)
    assert [record.order for record in result] == sorted(record.order for record in records)


@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]", "2001:db8::1"])
def test_a_numeric_host(host: str) -> None:
    assert is_numeric(host)


@pytest.mark.parametrize("host", ["a..b", "x" * 64, f"{'x' * 64}.com", "", ".", "a." * 127 + "b"])
def test_a_name_that_cannot_be_looked_up(host: str) -> None:
    """Python's resolver raises UnicodeError, which is no OSError, for such a name."""
    assert not is_numeric(host)
    assert name_problem(host)


def test_names_that_can_be_looked_up() -> None:
    assert not any(map(name_problem, ["localhost", "example.com.", "x" * 63, "1"]))
