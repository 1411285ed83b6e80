"""Header fields of transfers, read and written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.errors import ParseError
from signaling.sip.message import Request
from signaling.sip.referring import (
    Replaces,
    SubscriptionState,
    escape,
    parse_event,
    parse_refer_to,
    parse_replaces,
    parse_sipfrag,
    parse_subscription_state,
    refers_silently,
    render_refer_to,
    render_replaces,
    render_sipfrag,
    render_subscription_state,
    the_only,
    unescape,
)

TOKENS = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-.!%*_+`'~", min_size=1, max_size=30)
ONE = "a%3Bto-tag%3D1%3Bfrom-tag%3D2"
CALL_IDS = st.text("abcXYZ0189-.!%*_+`'~()<>:\\\"/[]?{}@", min_size=1, max_size=40)


def request(*headers: tuple[str, str]) -> Request:
    return Request(method="REFER", uri="sip:bob@h", headers=list(headers))


@given(CALL_IDS, TOKENS, TOKENS, st.booleans())
def test_replaces_survives_the_way_through_a_refer_to(
    call_id: str, to_tag: str, from_tag: str, early_only: bool
) -> None:
    replaces = Replaces(call_id=call_id, to_tag=to_tag, from_tag=from_tag, early_only=early_only)
    text = render_replaces(replaces)
    assert parse_replaces(text) == replaces
    refer_to = parse_refer_to(render_refer_to("sip:c@h", [("Replaces", text)]))
    assert (refer_to.uri, refer_to.replaces) == ("sip:c@h", text)


def test_the_refer_to_of_an_attended_transfer() -> None:
    """As it looks on the wire."""
    value = render_refer_to("sip:c@h", [("Replaces", "7@h;to-tag=a;from-tag=b")])
    assert value == "<sip:c@h?Replaces=7%40h%3Bto-tag%3Da%3Bfrom-tag%3Db>"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "only-an-id",
        "id;to-tag=a",
        "id;from-tag=b",
        "id;to-tag=a;to-tag=c;from-tag=b",
        "id;to-tag;from-tag=b",
        "a;to-tag=1;from-tag=2, b;to-tag=1;from-tag=2",
    ],
)
def test_a_replaces_needs_its_two_tags(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_replaces(text)
    assert caught.value.status == 400


def test_only_harmless_headers_come_through() -> None:
    """What would send, route or name our request otherwise stays behind (RFC 3261 19.1.5)."""
    carried = (
        "Route=%3Csip%3Aevil%3E&Contact=%3Csip%3Aevil%3E&From=%3Csip%3Aevil%3E&f=%3Csip%3Aevil%3E"
        "&To=x&Via=x&Call-ID=x&CSeq=1&Max-Forwards=0&Record-Route=x&Authorization=x&body=x"
        "&Require=100rel&Content-Type=x&Subject=hi&X-Account=7&Referred-By=%3Csip%3Aa%40h%3E"
    )
    refer_to = parse_refer_to(f"<sip:c@h;method=INVITE;user=phone?{carried}>")
    assert refer_to.uri == "sip:c@h;user=phone"
    assert refer_to.headers == (
        ("Subject", "hi"),
        ("X-Account", "7"),
        ("Referred-By", "<sip:a@h>"),
    )
    assert not refer_to.requires_replaces
    assert parse_refer_to("<sip:c@h?Require=replaces>").requires_replaces


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("nonsense", 400),
        ("<mailto:a@b>", 416),
        ("<sip:c@h?Replaces=x>", 400),
        (
            "<sip:c@h?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2&replaces=b%3Bto-tag%3D1%3Bfrom-tag%3D2>",
            400,
        ),
        ("<sip:c@h?Subject=a%0D%0AVia%3A%20x>", 400),
        ("<sip:c@h?Subject=%FF>", 400),
    ],
)
def test_a_refer_to_that_nobody_can_follow(text: str, status: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse_refer_to(text)
    assert caught.value.status == status


def test_another_method_is_seen() -> None:
    assert parse_refer_to("<sip:c@h;method=bye>").method == "BYE"
    assert parse_refer_to("sip:c@h").method == "INVITE"


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"])))
def test_escaping_is_undone(text: str) -> None:
    assert unescape(escape(text)) == text


def test_a_header_that_may_be_there_once() -> None:
    assert the_only(request(), "Refer-To") is None
    assert the_only(request(("Refer-To", "sip:a@h")), "Refer-To") == "sip:a@h"
    with pytest.raises(ParseError):
        the_only(request(("Refer-To", "sip:a@h"), ("Refer-To", "sip:b@h")), "Refer-To")


@pytest.mark.parametrize(
    ("text", "event"),
    [("refer", ("refer", "")), ("Refer ; id=93", ("refer", "93")), ("presence", ("presence", ""))],
)
def test_events(text: str, event: tuple[str, str]) -> None:
    assert parse_event(text) == event


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("active;expires=60", SubscriptionState(state="active", expires=60)),
        (
            "terminated;reason=noresource",
            SubscriptionState(state="terminated", reason="noresource"),
        ),
        ("pending", SubscriptionState(state="pending")),
    ],
)
def test_subscription_states(text: str, state: SubscriptionState) -> None:
    assert parse_subscription_state(text) == state
    assert render_subscription_state(state) == text


def test_an_expiry_that_is_no_number_is_none() -> None:
    assert parse_subscription_state("Active;expires=soon").expires is None
    assert parse_subscription_state("active;expires=" + "9" * 5000).expires is None


def test_sipfrags() -> None:
    assert render_sipfrag(180, "Ringing") == b"SIP/2.0 180 Ringing\r\n"
    assert parse_sipfrag(b"SIP/2.0 180 Ringing\r\n") == (180, "Ringing")
    assert parse_sipfrag(b"SIP/2.0 486 Busy Here") == (486, "Busy Here")
    assert parse_sipfrag(b"SIP/2.0 200 OK\r\nContact: <sip:c@h>\r\n\r\n") == (200, "OK")
    assert parse_sipfrag(b"SIP/2.0 100") == (100, "")
    for body in (b"", b"INVITE sip:c@h SIP/2.0\r\n", b"SIP/2.0 99 x\r\n", b"SIP/2.0 1000 x\r\n"):
        assert parse_sipfrag(body) is None


def test_refer_sub() -> None:
    assert refers_silently(request(("Refer-Sub", "false")))
    assert not refers_silently(request(("Refer-Sub", "true")))
    assert not refers_silently(request())
