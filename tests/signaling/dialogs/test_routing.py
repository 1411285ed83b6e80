import pytest

from signaling.dialogs.routing import (
    first_hop,
    is_loose,
    next_hop,
    request_uri,
    routed,
    target_of,
)
from signaling.sip.errors import SipError
from signaling.sip.message import Header, Request
from signaling.sip.uri import parse_uri

TARGET = "sip:bob@192.0.2.4:5080"


def request(uri: str, *headers: Header) -> Request:
    return Request(method="BYE", uri=uri, headers=list(headers))


def test_without_routes_the_target_is_the_request_uri() -> None:
    assert routed(TARGET, []) == (TARGET, [])


def test_loose_routers_stay_in_the_route() -> None:
    routes = ["<sip:p1.test;lr>", "<sip:p2.test;lr>"]
    assert routed(TARGET, routes) == (TARGET, routes)


def test_a_strict_router_gets_its_uri_and_finds_the_target_last() -> None:
    routes = ["<sip:p1.test;method=INVITE?x=y>;a=b", "<sip:p2.test;lr>"]
    assert routed(TARGET, routes) == ("sip:p1.test", ["<sip:p2.test;lr>", f"<{TARGET}>"])


def test_a_strict_router_alone() -> None:
    assert routed(TARGET, ["<sip:p1.test>"]) == ("sip:p1.test", [f"<{TARGET}>"])


def test_a_strict_router_behind_a_loose_one_is_its_affair() -> None:
    routes = ["<sip:p1.test;lr>", "<sip:p2.test>"]
    assert routed(TARGET, routes) == (TARGET, routes)


@pytest.mark.parametrize(
    ("route", "loose"),
    [
        ("<sip:p1.test;lr>", True),
        ("<sip:p1.test;LR>", True),
        ("<sip:p1.test;lr=on>", True),
        ("<sip:p1.test;transport=tcp>", False),
        ("<sip:p1.test>;lr", False),
        ("<mailto:p1@test>", True),
    ],
)
def test_lr_makes_a_route_loose(route: str, loose: bool) -> None:
    assert is_loose(route) is loose


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        ("sip:bob@b.test;transport=tcp", "sip:bob@b.test;transport=tcp"),
        ("sip:bob@b.test;method=BYE;user=phone", "sip:bob@b.test;user=phone"),
        ("sip:bob@b.test?Subject=x", "sip:bob@b.test"),
        ("urn:service:sos", "urn:service:sos"),
    ],
)
def test_a_request_uri_has_no_method_and_no_headers(given: str, allowed: str) -> None:
    assert request_uri(given) == allowed


def test_the_next_hop_is_the_first_loose_route_else_the_request_uri() -> None:
    loose, strict = ("Route", "<sip:p1.test;lr>"), ("Route", "<sip:bob@b.test>")
    assert next_hop(request(TARGET)) == parse_uri(TARGET)
    assert next_hop(request(TARGET, loose, strict)) == parse_uri("sip:p1.test;lr")
    assert next_hop(request("sip:p0.test", strict)) == parse_uri("sip:p0.test")


@pytest.mark.parametrize("route", ["<sip:p1.test;lr>", "<sip:p1.test>"])
def test_the_first_hop_of_a_dialog_is_its_first_route(route: str) -> None:
    assert first_hop(TARGET, [route, "<sip:p2.test;lr>"]).host == "p1.test"
    assert first_hop(TARGET, []) == parse_uri(TARGET)


def test_a_next_hop_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(SipError):
        next_hop(request(TARGET, ("Route", "<mailto:p1@test>")))


@pytest.mark.parametrize(("contact", "target"), [("<sip:a@b.test>;q=1", "sip:a@b.test"), ("*", "")])
def test_the_target_is_the_uri_of_the_contact(contact: str, target: str) -> None:
    assert target_of(request(TARGET, ("Contact", contact))) == target


def test_no_contact_is_no_target() -> None:
    assert target_of(request(TARGET)) == ""
