import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.errors import LocalError
from signaling.sip.headers import parse_name_addr
from signaling.sip.message import Message, Request, Response, every, first
from signaling.sip.parse import parse_message
from signaling.sip.render import REASONS, reason_phrase, render, respond, tagged
from tests.signaling.sip.material import INVITE, RINGING
from tests.signaling.sip.strategies import requests


def invite() -> Request:
    message = parse_message(INVITE)
    assert isinstance(message, Request)
    return message


def test_a_message_is_written_as_it_was() -> None:
    assert render(invite()) == INVITE
    assert render(parse_message(RINGING)) == RINGING


def test_the_length_is_ours() -> None:
    message = Request(
        method="A", uri="sip:b", headers=[("Content-Length", "99"), ("X", "y")], body=b"123"
    )
    assert render(message) == b"A sip:b SIP/2.0\r\nX: y\r\nContent-Length: 3\r\n\r\n123"


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (Request(method="A B", uri="sip:a", headers=[]), "'A B' is not a method"),
        (Request(method="", uri="sip:a", headers=[]), "'' is not a method"),
        (Request(method="A\r\nX: y", uri="sip:a", headers=[]), "is not a method"),
        (Request(method="A", uri="", headers=[]), "not a Request-URI"),
        (Request(method="A", uri="sip:a SIP/2.0", headers=[]), "not a Request-URI"),
        (Request(method="A", uri="sip:a\r\nX:y", headers=[]), "a line break in the start line"),
        (Request(method="A", uri="sip:a", headers=[("X", "y\r\nZ: a")]), "break in X: 'y"),
        (Request(method="A", uri="sip:a", headers=[("X", "y\nZ")]), "break in X"),
        (Request(method="A", uri="sip:a", headers=[("X", "y\r")]), "break in X"),
        (Request(method="A", uri="sip:a", headers=[("X:", "y")]), "not the name of a header"),
        (Request(method="A", uri="sip:a", headers=[("X\r\nY", "z")]), "not the name of a header"),
        (Request(method="A", uri="sip:a", headers=[("", "z")]), "not the name of a header"),
        (Request(method="A", uri="sip:a", headers=[("X", "\udc80")]), "not UTF-8"),
        (Response(status=200, reason="OK\r\nX: y", headers=[]), "a line break in the start line"),
        (Response(status=99, reason="", headers=[]), "status 99"),
        (Response(status=700, reason="", headers=[]), "status 700"),
    ],
)
def test_what_would_be_another_message_is_not_sent(message: Message, says: str) -> None:
    with pytest.raises(LocalError, match=says):
        render(message)


@given(st.text(), st.text(), st.text(), st.text())
def test_no_text_adds_a_header_or_a_message(method: str, uri: str, name: str, value: str) -> None:
    try:
        datagram = render(Request(method=method, uri=uri, headers=[(name, value)], body=b"x"))
    except LocalError:
        return
    head, _, body = datagram.partition(b"\r\n\r\n")
    assert len(head.split(b"\r\n")) == 3
    assert body == b"x"


def test_a_trying_gets_no_tag_and_the_timestamp() -> None:
    response = respond(invite(), 100, to_tag="ours")
    assert response.reason == "Trying"
    assert parse_name_addr(first(response, "To") or "").tag is None
    assert first(response, "Timestamp") == "54.2"
    assert first(response, "Record-Route") is None


def test_a_response_copies_what_it_must() -> None:
    request = invite()
    response = respond(
        request,
        200,
        to_tag="ours",
        headers=[("Contact", "<sip:b@c>")],
        body=b"v=0\r\n",
        content_type="application/sdp",
    )
    for name in ("Via", "From", "Call-ID", "CSeq", "Record-Route"):
        assert every(response, name) == every(request, name) != []
    assert first(response, "To") == "Bob <sip:bob@biloxi.example.com>;tag=ours"
    assert first(response, "Contact") == "<sip:b@c>"
    assert first(response, "Content-Type") == "application/sdp"
    assert first(response, "Timestamp") is None
    assert parse_message(render(response)) == response


@pytest.mark.parametrize(
    ("status", "makes"), [(180, True), (299, True), (302, False), (486, False)]
)
def test_only_a_dialog_keeps_the_recorded_route(status: int, makes: bool) -> None:
    assert bool(every(respond(invite(), status), "Record-Route")) is makes
    other = Request(method="OPTIONS", uri="sip:a", headers=invite().headers)
    assert every(respond(other, status), "Record-Route") == []


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("<sip:a>", "<sip:a>;tag=ours"),
        ("<sip:a>;tag=theirs", "<sip:a>;tag=theirs"),
        ("sip:a; TAG = theirs", "sip:a; TAG = theirs"),
        ("<sip:a;tag=x>", "<sip:a;tag=x>;tag=ours"),
        ('"x;tag=y" <sip:a>', '"x;tag=y" <sip:a>;tag=ours'),
        ('<sip:a>;n=";tag=x"', '<sip:a>;n=";tag=x";tag=ours'),
        ('"broken <sip:tag', '"broken <sip:tag;tag=ours'),
    ],
)
def test_a_tag_is_added_where_there_is_none(value: str, result: str) -> None:
    assert tagged(value, "ours") == result


@given(requests(), st.integers(101, 699))
def test_every_request_can_be_answered(request: Request, status: int) -> None:
    response = respond(request, status, to_tag="ours")
    assert parse_message(render(response)) == response
    assert parse_name_addr(first(response, "To") or "").tag is not None
    assert every(response, "Via") == every(request, "Via")


def test_every_status_has_a_phrase() -> None:
    assert reason_phrase(486) == "Busy Here"
    assert reason_phrase(499) == "Bad Request"
    assert all(reason_phrase(status) for status in range(100, 700))
    assert respond(invite(), 486, "Not Now").reason == "Not Now"
    assert all(100 <= status < 700 for status in REASONS)
