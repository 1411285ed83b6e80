import pytest

from signaling.sip.errors import LocalError
from signaling.sip.message import Header, Request
from signaling.sip.validate import Refusal, check_header, media_type, method_refusal, refuse

METHODS = frozenset({"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"})


def verdict(
    *headers: Header, method: str = "INVITE", uri: str = "sip:a@b", body: bytes = b""
) -> Refusal | None:
    return refuse(
        Request(method=method, uri=uri, headers=list(headers), body=body),
        methods=METHODS,
        schemes=frozenset({"sip"}),
        extensions=frozenset({"timer"}),
        body_types=frozenset({"application/sdp"}),
    )


def test_a_request_that_asks_for_nothing_special_is_accepted() -> None:
    assert verdict() is None
    assert verdict(("Content-Type", "Application/SDP ;charset=x"), body=b"v=0") is None


def test_a_known_method_is_not_allowed_an_unknown_one_not_implemented() -> None:
    assert verdict(method="MESSAGE") == Refusal(405)
    assert verdict(method="invite") == Refusal(501)
    request = Request(method="X", uri="sip:a", headers=[])
    assert method_refusal(request, METHODS, frozenset({"X"})) == Refusal(405)
    assert method_refusal(request, frozenset({"X"})) is None


@pytest.mark.parametrize("uri", ["sips:a@b", "tel:1", "soap.beep://a", "nonsense"])
def test_a_foreign_scheme_is_refused(uri: str) -> None:
    assert verdict(uri=uri) == Refusal(416)
    assert verdict(uri="SIP:a@b") is None


def test_what_is_required_must_be_known() -> None:
    required = [("Require", "100rel"), ("Require", "TIMER"), ("Require", ""), ("Require", "x")]
    assert verdict(*required) == Refusal(420, headers=(("Unsupported", "100rel, x"),))
    assert verdict(("Require", "Timer")) is None
    assert verdict(("Proxy-Require", "x")) is None


@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
def test_an_ack_and_a_cancel_require_nothing(method: str) -> None:
    assert verdict(("Require", "x"), method=method) is None


def test_an_ack_is_never_refused() -> None:
    assert verdict(("Content-Type", "x/y"), method="ACK", uri="tel:1", body=b"z") is None


def test_a_body_of_another_type_is_refused_with_what_we_take() -> None:
    assert verdict(("Content-Type", "text/plain"), body=b"a") == Refusal(
        415, headers=(("Accept", "application/sdp"),)
    )
    encoded = [("Content-Type", "application/sdp"), ("Content-Encoding", "gzip")]
    assert verdict(*encoded, body=b"a") == Refusal(415, headers=(("Accept-Encoding", "identity"),))
    assert verdict(body=b"a") == Refusal(400, "Content-Type is missing")


def test_a_type_without_a_body_says_nothing() -> None:
    assert verdict(("Content-Type", "text/plain")) is None


def test_an_optional_body_is_ignored() -> None:
    headers = [
        ("Content-Type", "text/plain"),
        ("Content-Disposition", "render;handling=Optional"),
    ]
    assert verdict(*headers, body=b"a") is None
    required = [headers[0], ("Content-Disposition", "render;handling=required")]
    assert verdict(*required, body=b"a") is not None


@pytest.mark.parametrize(
    ("accepts", "fine"),
    [
        ([], True),
        (["application/sdp"], True),
        (["text/plain", "APPLICATION/SDP;q=0.5"], True),
        (["application/*"], True),
        (["*/*;q=0.1"], True),
        (["text/*"], False),
        (["text/plain"], False),
        ([""], False),
        (["nonsense"], False),
    ],
)
def test_an_invite_must_accept_what_we_answer(accepts: list[str], fine: bool) -> None:
    headers = [("Accept", value) for value in accepts]
    assert verdict(*headers) == (None if fine else Refusal(406))
    assert verdict(*headers, method="OPTIONS") is None


def test_the_first_reason_of_rfc_3261_8_2_counts() -> None:
    all_wrong = [("Require", "x"), ("Content-Type", "a/b"), ("Accept", "a/b")]
    steps = [
        verdict(*all_wrong, method="X", uri="tel:1", body=b"c"),
        verdict(*all_wrong, uri="tel:1", body=b"c"),
        verdict(*all_wrong, body=b"c"),
        verdict(*all_wrong[1:], body=b"c"),
        verdict(all_wrong[2]),
    ]
    assert [step.status for step in steps if step] == [501, 416, 420, 415, 406]


def test_media_types() -> None:
    assert media_type("Text / Plain;a=b") == "text/plain"
    assert media_type("text") == ""


@pytest.mark.parametrize(("name", "value"), [("X-Mine", "a: b, \t\N{SNOWMAN}"), ("x!", "")])
def test_a_header_that_keeps_to_its_line_passes(name: str, value: str) -> None:
    check_header(name, value)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("", "a", "'' is not the name"),
        ("X Y", "a", "'X Y' is not the name"),
        ("X:", "a", "is not the name"),
        ("X", "a\r\nVia: b", "X: .* line break"),
        ("X", "a\nb", "X: .* line break"),
        ("X", "a\0", "NUL"),
        ("X", "\ud800", "not UTF-8"),
    ],
)
def test_a_header_that_would_break_out_is_refused(name: str, value: str, says: str) -> None:
    with pytest.raises(LocalError, match=says):
        check_header(name, value)
