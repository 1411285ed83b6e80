"""RFC 4475, RFC 5118 and known crashers through ``parse_message`` and ``refuse``."""

import pytest

from signaling.sip.errors import ParseError
from signaling.sip.headers import parse_cseq, parse_name_addr, parse_via
from signaling.sip.message import Request, Response, every, first
from signaling.sip.parse import parse_message
from signaling.sip.render import render, respond
from signaling.sip.uri import parse_uri
from signaling.sip.validate import KNOWN_METHODS, refuse
from tests.signaling.sip.material import MATERIAL, crashers, torture, torture_labels

LABELS = torture_labels()
pytestmark = pytest.mark.skipif(not LABELS, reason="no ../shared/material beside the checkout")

IPV6 = {
    "ipv4-mapped-ipv6": "accept",
    "ipv6-bad": "400",
    "ipv6-bug-abnf-3-colons": "400",
    "ipv6-correct-abnf-2-colons": "accept",
    "ipv6-good": "accept",
    "ipv6-in-sdp": "accept",
    "mult-ip-in-header": "accept",
    "mult-ip-in-sdp": "accept",
    "port-ambiguous": "accept",
    "port-unambiguous": "accept",
    "via-received-param-no-delim": "accept",
    "via-received-param-with-delim": "accept",
}


def verdict(datagram: bytes) -> str:
    """What a server does that knows every method of an RFC and multipart bodies."""
    try:
        message = parse_message(datagram)
    except ParseError as error:
        return "discard" if error.partial is None else str(error.status)
    if isinstance(message, Response):
        return "response"
    refusal = refuse(
        message,
        methods=KNOWN_METHODS,
        schemes=frozenset({"sip", "sips"}),
        extensions=frozenset(),
        body_types=frozenset({"application/sdp", "multipart/mixed"}),
    )
    return "accept" if refusal is None else str(refusal.status)


def allowed(label: str) -> set[str]:
    """The verdicts that a label stands for."""
    match label:
        case "any":
            return {"accept", "400"}
        case "accept_first":
            return {"accept"}
        case "discard":
            return {"discard", "response"}
        case _:
            return set(label.split("|"))


def test_all_messages_are_there() -> None:
    assert len(LABELS) == 49
    assert {path.name for path in (MATERIAL / "rfc5118").iterdir()} == set(IPV6)


@pytest.mark.parametrize("name", LABELS)
def test_each_message_of_rfc_4475_is_answered_as_labelled(name: str) -> None:
    assert verdict(torture(name)) in allowed(LABELS[name])


@pytest.mark.parametrize("name", IPV6)
def test_each_message_of_rfc_5118_is_answered_as_labelled(name: str) -> None:
    assert verdict((MATERIAL / "rfc5118" / name).read_bytes()) == IPV6[name]


@pytest.mark.parametrize("name", LABELS)
def test_each_malformed_request_gets_an_answer_that_can_be_sent(name: str) -> None:
    try:
        message = parse_message(torture(name))
    except ParseError as error:
        if error.partial is None:
            return
        message = error.partial
    if isinstance(message, Request):
        answer = render(respond(message, 400, to_tag="ours"))
        assert answer.startswith(b"SIP/2.0 400 Bad Request\r\n")
        assert answer.count(b"\r\nVia: ") == len(every(message, "Via")) > 0


@pytest.mark.parametrize("name", LABELS)
def test_what_is_well_formed_survives_rendering(name: str) -> None:
    try:
        message = parse_message(torture(name))
    except ParseError:
        return
    assert parse_message(render(message)) == message


def crash_cases() -> list[str]:
    return list(crashers())


@pytest.mark.parametrize("name", crash_cases())
def test_what_crashed_others_does_not_crash_us(name: str) -> None:
    datagram = crashers()[name]
    for text in (datagram, datagram.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")):
        assert verdict(text) in {"accept", "discard", "response", "400", "415", "406"}


def well_formed(name: str) -> Request:
    message = parse_message(torture(name))
    assert isinstance(message, Request)
    return message


def test_wsinv_is_understood_in_all_its_parts() -> None:
    message = well_formed("wsinv")
    assert parse_name_addr(first(message, "To") or "").tag == "1918181833n"
    sender = parse_name_addr(first(message, "From") or "")
    assert (sender.display, sender.tag) == ('J Rosenberg \\"', "98asjd8")
    assert parse_cseq(first(message, "CSeq") or "").number == 9
    hops = [parse_via(value) for value in every(message, "Via")]
    assert [(hop.transport, hop.host, hop.branch) for hop in hops] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert [hop.identifies for hop in hops] == [False, True, True]
    assert first(message, "NewFangledHeader") == "newfangled value continued newfangled value"
    assert first(message, "UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    assert first(message, "Subject") == ""
    contact = parse_name_addr(first(message, "Contact") or "")
    assert (contact.display, contact.parameter("newparam")) == ('Quoted string ""', "newvalue")
    assert (contact.parameter("secondparam"), contact.parameter("q")) == ("", "0.33")
    assert len(message.body) == 150


def test_longreq_keeps_its_34_hops() -> None:
    assert len(every(well_formed("longreq"), "Via")) == 34


def test_intmeth_keeps_every_odd_character() -> None:
    message = well_formed("intmeth")
    assert message.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert parse_name_addr(first(message, "To") or "").display == "BEL:\a NUL:\0 DEL:\x7f"
    uri = parse_uri(message.uri)
    assert uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"


def test_escnull_has_two_different_users() -> None:
    users = [
        parse_uri(parse_name_addr(v).uri).user for v in every(well_formed("escnull"), "Contact")
    ]
    assert users == ["%00", "%00%00"]


def test_esc02_has_two_contacts_and_one_other_header() -> None:
    message = well_formed("esc02")
    assert len(every(message, "Contact")) == 2
    assert first(message, "C%6Fntact") is not None


def test_dblreq_ends_where_its_length_says() -> None:
    message = well_formed("dblreq")
    assert (message.method, message.body) == ("REGISTER", b"")


def test_semiuri_has_the_semicolon_in_its_user() -> None:
    uri = parse_uri(well_formed("semiuri").uri)
    assert (uri.user, uri.host, uri.parameters) == ("user;par=u%40example.net", "example.com", ())


@pytest.mark.parametrize("name", ["badbranch", "inv2543"])
def test_old_and_empty_branches_name_no_transaction(name: str) -> None:
    assert not parse_via(first(well_formed(name), "Via") or "").identifies


def test_cparam_belongs_to_the_header_or_to_the_uri() -> None:
    outside = parse_name_addr(first(well_formed("cparam01"), "Contact") or "")
    inside = parse_name_addr(first(well_formed("cparam02"), "Contact") or "")
    assert outside.parameter("unknownparam") == ""
    assert parse_uri(inside.uri).parameter("unknownparam") == ""


def test_ipv6_hosts_lose_their_brackets_and_nothing_else() -> None:
    folder = MATERIAL / "rfc5118"
    ambiguous = parse_message((folder / "port-ambiguous").read_bytes())
    clear = parse_message((folder / "port-unambiguous").read_bytes())
    assert isinstance(ambiguous, Request)
    assert isinstance(clear, Request)
    first_uri, second_uri = parse_uri(ambiguous.uri), parse_uri(clear.uri)
    assert (first_uri.host, first_uri.port) == ("2001:db8::10:5070", None)
    assert (second_uri.host, second_uri.port) == ("2001:db8::10", 5070)
