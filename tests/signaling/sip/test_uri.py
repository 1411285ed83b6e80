import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.errors import ParseError
from signaling.sip.uri import (
    Uri,
    bracketed,
    is_ipv6,
    parse_uri,
    render_uri,
    same_host,
    same_uri,
    scheme_of,
    uri_problem,
)

# RFC 3261 19.1.3, and what phones write
GOOD = [
    "sip:alice@atlanta.com",
    "sip:alice:secretword@atlanta.com;transport=tcp",
    "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
    "sip:+1-212-555-1212:1234@gateway.com;user=phone",
    "sips:1212@gateway.com",
    "sip:alice@192.0.2.4",
    "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
    "sip:alice;day=tuesday@atlanta.com",
    "sip:[2001:db8::1]:5061;transport=tcp;lr",
    "sip:a@host_with_underscore.example.",
    "sip:1.2.3.4:0",
    "sip:a@b;p=[1:/&+$]?h=",
    "tel:+358-555-1234567;postd=pp22",
    "tel:7042;phone-context=example.com",
]


@pytest.mark.parametrize("text", GOOD)
def test_a_uri_is_read_and_written_back(text: str) -> None:
    assert render_uri(parse_uri(text)) == text
    assert uri_problem(text) == ""


def test_a_uri_in_its_parts() -> None:
    uri = parse_uri("SIPS:al%69ce:pw@[2001:DB8::1]:5061;LR;a=b?X-y=z%20&q=")
    assert uri == Uri(
        scheme="sips",
        user="al%69ce",
        password="pw",
        host="2001:DB8::1",
        port=5061,
        parameters=(("LR", None), ("a", "b")),
        headers=(("X-y", "z%20"), ("q", "")),
    )
    assert uri.parameter("lr") == ""
    assert uri.parameter("a") == "b"
    assert uri.parameter("transport") is None


def test_a_telephone_number_has_no_host() -> None:
    assert parse_uri("TEL:+1-800") == Uri(scheme="tel", user="+1-800", host="")


@pytest.mark.parametrize(
    ("text", "status", "says"),
    [
        ("", 400, "Malformed URI"),
        ("alice", 400, "Malformed URI"),
        ("sip:", 400, "Malformed URI"),
        ("sip:@b", 400, "Malformed URI"),
        ("sip:a@", 400, "Malformed URI"),
        ("sip:a b@c", 400, "Malformed URI"),
        ("sip:a%4@c", 400, "Malformed URI"),
        ("sip:a@b..c", 400, "Malformed URI"),
        ("sip:a@-b", 400, "Malformed URI"),
        ("sip:a@b:port", 400, "Malformed URI"),
        ("sip:a@b:", 400, "Malformed URI"),
        ("sip:2001:db8::1", 400, "Malformed URI"),
        ("sip:a@b;", 400, "Malformed URI"),
        ("sip:a@b?c", 400, "Malformed URI"),
        ("sip:a@b\n", 400, "Malformed URI"),
        ("<sip:a@b>", 400, "Malformed URI"),
        ("sip:a@[::g]", 400, "Malformed URI"),
        ("sip:a@[1:2]", 400, "Malformed IPv6 address"),
        ("sip:a@b:65536", 400, "Port above 65535"),
        ("http://example.com", 416, "Unsupported URI Scheme"),
        ("tel:x", 416, "Unsupported URI Scheme"),
    ],
)
def test_a_uri_that_is_none_is_refused(text: str, status: int, says: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_uri(text)
    assert (caught.value.status, caught.value.reason) == (status, says)
    assert bool(uri_problem(text)) == (status == 400)


def test_headers_have_no_place_in_a_request_uri() -> None:
    assert uri_problem("sip:a@b?c=d", headers_allowed=False) == "Headers in the Request-URI"
    assert uri_problem("sip:a?b@c", headers_allowed=False) == ""


@pytest.mark.parametrize(
    ("text", "scheme"),
    [("SIP:a", "sip"), ("soap.beep://a", "soap.beep"), ("a", ""), (":a", ""), ("1a:b", "")],
)
def test_every_uri_has_a_scheme(text: str, scheme: str) -> None:
    assert scheme_of(text) == scheme


# RFC 3261 19.1.4
SAME = [
    ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
    (
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ),
    (
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    ),
    ("sip:a@[2001:db8:0::1]", "sip:a@[2001:DB8::1]"),
    ("sip:a%2fb@c", "sip:a%2Fb@c"),
    ("tel:+1-800-555", "tel:+1800(555)"),
]
DIFFERENT = [
    ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
    ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
    ("sip:a@b", "sips:a@b"),
    ("sip:a:b@c", "sip:a:d@c"),
    ("sip:a%2fb@c", "sip:a/b@c"),
    ("sip:%00@c", "sip:%00%00@c"),
    ("sip:a%25b@c", "sip:a@c"),
    ("tel:1", "tel:1;phone-context=a"),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_equivalent_uris(a: str, b: str) -> None:
    assert same_uri(parse_uri(a), parse_uri(b))
    assert same_uri(parse_uri(b), parse_uri(a))


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_different_uris(a: str, b: str) -> None:
    assert not same_uri(parse_uri(a), parse_uri(b))
    assert not same_uri(parse_uri(b), parse_uri(a))


@given(st.sampled_from([text for text in GOOD if "%" not in text and text[:3] == "sip"]), st.data())
def test_escaping_a_plain_character_changes_nothing(text: str, data: st.DataObject) -> None:
    uri = parse_uri(text)
    user = uri.user or "u"
    at = data.draw(st.integers(0, len(user) - 1))
    if user[at].isalnum():
        escaped = f"{user[:at]}%{ord(user[at]):02x}{user[at + 1 :]}"
        host = bracketed(uri.host)
        assert same_uri(parse_uri(f"sip:{user}@{host}"), parse_uri(f"sip:{escaped}@{host}"))


def test_hosts_compare_as_addresses_or_without_case() -> None:
    assert same_host("2001:db8::1", "2001:0DB8:0:0::1")
    assert same_host("Example.com", "example.COM")
    assert not same_host("192.0.2.1", "::ffff:192.0.2.1")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("::", True), ("2001:db8::192.0.2.1", True), ("2001:db8:::1", False), ("192.0.2.1", False)],
)
def test_ipv6_addresses(text: str, is_one: bool) -> None:
    assert is_ipv6(text) is is_one


@given(st.text())
def test_any_text_is_a_uri_or_a_parse_error(text: str) -> None:
    for prefix in ("", "sip:", "sip:a@", "sip:a@[", "tel:"):
        try:
            uri = parse_uri(prefix + text)
        except ParseError:
            continue
        assert parse_uri(render_uri(uri)) == uri
        assert same_uri(uri, uri)
