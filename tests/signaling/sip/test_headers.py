import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.errors import ParseError
from signaling.sip.flow import Flow
from signaling.sip.headers import (
    RSEQ_END,
    CSeq,
    NameAddr,
    RAck,
    Via,
    check_address,
    check_via,
    parse_challenge,
    parse_cseq,
    parse_name_addr,
    parse_rack,
    parse_via,
    render_name_addr,
    render_via,
    stamp_via,
)
from signaling.sip.message import Request, every
from tests.signaling.sip.strategies import ADDRESSES, VIAS


@pytest.mark.parametrize(
    ("text", "display", "uri", "tag"),
    [
        ('"A. G. Bell" <sip:agb@bell-telephone.com> ;tag=a48s', "A. G. Bell", "sip:agb@bell-telephone.com", "a48s"),  # noqa: E501
        ("sip:+12125551212@server.phone2net.com;tag=887s", "", "sip:+12125551212@server.phone2net.com", "887s"),  # noqa: E501
        ("Anonymous <sip:c8oqz84zk7z@privacy.org>;Tag=hyh8", "Anonymous", "sip:c8oqz84zk7z@privacy.org", "hyh8"),  # noqa: E501
        ("The Operator<sip:a@b;tag=no>", "The Operator", "sip:a@b;tag=no", None),
        ('"\\"x\\\\" <sip:a@b>', '"x\\', "sip:a@b", None),
        ('""<sip:a@b>', "", "sip:a@b", None),
        ("Jürgen Ü <tel:+1>", "Jürgen Ü", "tel:+1", None),
        ("<sip:a@b>;x=\";tag=z\"", "", "sip:a@b", None),
    ],
)  # fmt: skip
def test_addresses_are_read(text: str, display: str, uri: str, tag: str | None) -> None:
    address = parse_name_addr(text)
    assert (address.display, address.uri, address.tag) == (display, uri, tag)
    assert parse_name_addr(render_name_addr(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        '"a <sip:b>',
        '"a" b <sip:c>',
        "<sip:a@b",
        "<sip:a@b>;",
        "<sip:a@b>x",
        "< sip:a@b>",
        "<>",
        "sip:a@b?c=d",
        "sip:a@b,c",
        "sip:a b",
        "a\x01 <sip:b>",
        "<sip:a@b>;t=a b",
        "<sip:a>\n",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_name_addr(text)
    assert caught.value.status == 400
    if text != "*":
        with pytest.raises(ParseError, match="Malformed Contact"):
            check_address("Contact", text)


def test_only_a_contact_may_be_a_star() -> None:
    check_address("Contact", "*")
    with pytest.raises(ParseError):
        check_address("Route", "*")


DISPLAYS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n")).map(
    lambda text: text.strip(" \t")
)


@given(DISPLAYS, st.sampled_from(["sip:a@b;c?d=e", "tel:+1", "isbn:2"]))
def test_any_display_name_can_be_said(display: str, uri: str) -> None:
    address = NameAddr(display=display, uri=uri, parameters=(("tag", "x"), ("q", 'a"b')))
    assert parse_name_addr(render_name_addr(address)) == address


@given(ADDRESSES)
def test_addresses_are_read_back(text: str) -> None:
    address = parse_name_addr(text)
    assert parse_name_addr(render_name_addr(address)) == address


@pytest.mark.parametrize(
    ("text", "via"),
    [
        (
            "SIP/2.0/UDP erlang.bell-telephone.com:5060;branch=z9hG4bK87asdks7",
            Via(
                transport="UDP",
                host="erlang.bell-telephone.com",
                port=5060,
                parameters=(("branch", "z9hG4bK87asdks7"),),
            ),
        ),
        (
            "SIP / 2.0 / tcp first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;rport",
            Via(
                transport="TCP",
                host="first.example.com",
                port=4000,
                parameters=(("ttl", "16"), ("maddr", "224.2.0.1"), ("rport", None)),
            ),
        ),
        (
            "sip/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255",
            Via(
                transport="UDP", host="2001:db8::9:1", parameters=(("received", "2001:db8::9:255"),)
            ),
        ),
    ],
)
def test_a_via_is_read(text: str, via: Via) -> None:
    assert parse_via(text) == via
    assert parse_via(render_via(via)) == via


@given(VIAS)
def test_a_via_is_read_back(text: str) -> None:
    via = parse_via(text)
    check_via("Via", text)
    assert parse_via(render_via(via)) == via


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0 a",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP a b",
        "SIP/2.0/UDP a:b",
        "SIP/2.0/UDP a;;b",
        "SIP/2.0/UDP a;branch=",
        "HTTP/2.0/UDP a",
        "SIP/3.0/UDP a",
        "SIP/2.0/UDP [::1",
        "SIP/2.0/UDP [:::1]",
        "SIP/2.0/UDP a:65536",
    ],
)
def test_what_is_no_via_is_refused(text: str) -> None:
    with pytest.raises(ParseError, match="Via"):
        parse_via(text)
    with pytest.raises(ParseError, match="Via"):
        check_via("Via", text)


@pytest.mark.parametrize(
    ("parameters", "identifies"),
    [
        ("", False),
        (";branch=z9hG4bK", False),
        (";branch=1.2", False),
        (";branch=z9hG4bKx", True),
        (";BRANCH=Z9HG4BKx", True),
    ],
)
def test_a_branch_identifies_with_more_than_the_cookie(parameters: str, identifies: bool) -> None:
    assert parse_via(f"SIP/2.0/UDP a{parameters}").identifies is identifies


def test_cseq() -> None:
    assert parse_cseq("0009 \t INVITE") == CSeq(9, "INVITE")
    for text in (
        "",
        "1",
        "INVITE 1",
        "1INVITE",
        "-1 A",
        "1 A B",
        "2147483648 A",
        "1" * 5000 + " A",
    ):
        with pytest.raises(ParseError, match="CSeq"):
            parse_cseq(text)


@pytest.mark.parametrize(
    ("text", "scheme", "parameters"),
    [
        (
            'Digest realm="a \\"b\\"", nonce="n=,", stale=TRUE,qop="auth,auth-int" , algorithm=MD5',
            "digest",
            {
                "realm": 'a \\"b\\"',
                "nonce": "n=,",
                "stale": "TRUE",
                "qop": "auth,auth-int",
                "algorithm": "MD5",
            },
        ),
        ('DIGEST Realm="", realm="second",, opaque=""', "digest", {"realm": "", "opaque": ""}),
        ("NoOneKnowsThisScheme opaque-data=here", "nooneknowsthisscheme", {"opaque-data": "here"}),
        ("Negotiate YII=", "negotiate", {}),
        ("Bearer", "bearer", {}),
    ],
)
def test_challenges(text: str, scheme: str, parameters: dict[str, str]) -> None:
    assert parse_challenge(text) == (scheme, parameters)


@pytest.mark.parametrize(
    "text",
    ["", "(", "Digest x", 'Digest realm="a', 'Digest realm="a" ; b=c', "Digest " + "a=b," * 501],
)
def test_what_is_no_challenge_is_refused(text: str) -> None:
    with pytest.raises(ParseError, match="Malformed challenge"):
        parse_challenge(text)


# ---------------------------------------------------------------------------- where answers go


def stamped(via: str, host: str = "198.51.100.9", port: int = 4000) -> str:
    headers = [("To", "x"), ("Via", via), ("Via", "SIP/2.0/UDP other;rport")]
    request = Request(method="BYE", uri="sip:a", headers=list(headers), body=b"b")
    result = stamp_via(request, host, port)
    assert request.headers == headers
    assert (result.method, result.uri, result.body) == ("BYE", "sip:a", b"b")
    assert every(result, "Via")[1:] == ["SIP/2.0/UDP other;rport"]
    return every(result, "Via")[0]


@pytest.mark.parametrize(
    ("via", "noted"),
    [
        ("SIP/2.0/UDP 198.51.100.9", ""),
        ("SIP/2.0/UDP a;branch=x", ";branch=x;received=198.51.100.9"),
        ("SIP/2.0/UDP a;rport;branch=x", ";rport=4000;branch=x;received=198.51.100.9"),
        ("SIP/2.0/UDP a;rport=9;received=1.2.3.4", ";rport=4000;received=198.51.100.9"),
        ("SIP/2.0/UDP a;Received=1.2.3.4", ";received=198.51.100.9"),
        ("SIP/2.0/UDP a;;", ";;"),
    ],
)
def test_the_source_is_noted_in_the_top_via(via: str, noted: str) -> None:
    assert stamped(via) == via.partition(";")[0] + noted


def test_rport_asks_for_received_too() -> None:
    assert stamped("SIP/2.0/UDP 198.51.100.9;rport").endswith(";rport=4000;received=198.51.100.9")


def test_an_ipv6_source_is_compared_as_an_address() -> None:
    assert stamped("SIP/2.0/UDP [2001:DB8:0::1]", "2001:db8::1") == "SIP/2.0/UDP [2001:DB8:0::1]"
    assert stamped("SIP/2.0/UDP a", "2001:db8::1") == "SIP/2.0/UDP a;received=2001:db8::1"


def test_a_request_without_via_is_left_alone() -> None:
    request = Request(method="BYE", uri="sip:a", headers=[])
    assert stamp_via(request, "a", 1) is request


UDP = Flow("udp:192.0.2.1:5060", "198.51.100.9", 4000)
TCP = Flow("tcp:192.0.2.1:5060", "198.51.100.9", 4000, "7")


@given(st.text())
def test_any_text_is_a_value_or_a_parse_error(text: str) -> None:
    for read in (parse_name_addr, parse_via, parse_cseq, parse_challenge):
        for prefix in ("", "<sip:a>", "SIP/2.0/UDP ", "Digest a="):
            try:
                read(prefix + text)
            except ParseError as error:
                assert error.status == 400


def test_what_a_prack_acknowledges() -> None:
    assert parse_rack("776656 1 INVITE") == RAck(776656, CSeq(1, "INVITE"))
    assert parse_rack("4294967295  2147483647 \tUPDATE").rseq == RSEQ_END - 1


@pytest.mark.parametrize(
    "text", ["", "7", "7 1", "0 1 INVITE", "4294967296 1 INVITE", "-7 1 INVITE", "x 1 INVITE"]
)
def test_what_is_no_rack(text: str) -> None:
    with pytest.raises(ParseError):
        parse_rack(text)
