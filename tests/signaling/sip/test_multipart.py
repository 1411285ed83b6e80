import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.message import Request, Response, first
from signaling.sip.multipart import DEEPEST, unwrap

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"
DESCRIPTION = b"Content-Type: application/sdp\r\n\r\n" + SDP
ISUP = b"Content-Type: application/isup; version=itu-t92+\r\n\r\n\x01\x02\r\n\x03"


def multipart(*parts: bytes, kind: str = "mixed", boundary: str = "b1") -> tuple[str, bytes]:
    """Return a Content-Type and its body."""
    mark = boundary.encode()
    body = b"".join(b"--" + mark + b"\r\n" + part + b"\r\n" for part in parts)
    return f'multipart/{kind}; boundary="{boundary}"', body + b"--" + mark + b"--\r\n"


def invite(content_type: str, body: bytes) -> Request:
    headers = [("Call-ID", "x"), ("MIME-Version", "1.0"), ("Content-Type", content_type)]
    return Request(method="INVITE", uri="sip:b", headers=headers, body=body)


def test_a_description_among_others() -> None:
    request = unwrap(invite(*multipart(ISUP, DESCRIPTION, ISUP)))
    assert request.body == SDP
    assert request.headers == [("Call-ID", "x"), ("Content-Type", "application/sdp")]


def test_a_description_in_a_response() -> None:
    content_type, body = multipart(DESCRIPTION)
    response = Response(
        status=200, reason="OK", headers=[("Content-Type", content_type)], body=body
    )
    assert unwrap(response).body == SDP


@pytest.mark.parametrize("depth", range(1, DEEPEST))
def test_a_description_deep_inside(depth: int) -> None:
    content_type, body = multipart(ISUP, DESCRIPTION)
    for level in range(depth):
        inner = f"Content-Type: {content_type}\r\n\r\n".encode() + body
        content_type, body = multipart(ISUP, inner, kind="related", boundary=f"outer{level}")
    assert unwrap(invite(content_type, body)).body == SDP


def test_nobody_nests_for_ever() -> None:
    content_type, body = multipart(DESCRIPTION)
    for level in range(DEEPEST):
        inner = f"Content-Type: {content_type}\r\n\r\n".encode() + body
        content_type, body = multipart(inner, boundary=f"outer{level}")
    request = invite(content_type, body)
    assert unwrap(request) == request


def test_no_description_is_as_no_body() -> None:
    request = unwrap(invite(*multipart(ISUP)))
    assert (request.body, first(request, "Content-Type")) == (b"", None)


@pytest.mark.parametrize("value", ["signal;handling=required", 'signal ; Handling="REQUIRED"'])
def test_a_part_that_must_be_understood(value: str) -> None:
    required = f"Content-Disposition: {value}\r\n".encode() + ISUP
    request = invite(*multipart(required, DESCRIPTION))
    assert unwrap(request) == request


def test_parts_that_need_not_be_understood() -> None:
    optional = b"Content-Disposition: signal;handling=optional\r\n" + ISUP
    required = b"Content-Disposition: session;handling=required\r\n" + DESCRIPTION
    assert unwrap(invite(*multipart(optional, required))).body == SDP


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        # A boundary without quotes, bare line ends, a preamble, an epilogue, no last delimiter.
        ("multipart/mixed;boundary=b", b"--b\nContent-Type: application/sdp\n\nv=0\n--b--", b"v=0"),
        ("Multipart/Mixed; boundary=b", b"hi\r\n--b \r\n" + DESCRIPTION + b"\r\n--b--\r\nbye", SDP),
        ("multipart/mixed; boundary=b", b"--b\r\n" + DESCRIPTION, SDP),
        ("multipart/mixed; boundary=b", b"--bx\r\n\r\n--b\r\n" + DESCRIPTION + b"\r\n--b--", SDP),
        ("multipart/mixed; boundary=b", b"--b\r\n\r\njust text\r\n--b\r\n" + DESCRIPTION, SDP),
    ],
)
def test_how_it_may_be_written(content_type: str, body: bytes, expected: bytes) -> None:
    assert unwrap(invite(content_type, body)).body == expected


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/mixed", b"--b\r\n" + DESCRIPTION),
        ("multipart/mixed; boundary=" + "b" * 71, b"--b\r\n" + DESCRIPTION),
        ("multipart/mixed; boundary=c", b"--b\r\n" + DESCRIPTION),
        ("multipart/mixed; boundary=b", b"--b\r\nx\r\n" * 40 + b"--b--"),
        ("application/sdp", SDP),
        ("text/plain", b"--b\r\n" + DESCRIPTION),
    ],
)
def test_what_cannot_be_taken_apart_stays(content_type: str, body: bytes) -> None:
    request = invite(content_type, body)
    assert unwrap(request) is request


def test_a_message_without_a_body_stays() -> None:
    request = Request(method="BYE", uri="sip:b", headers=[])
    assert unwrap(request) is request


@given(st.lists(st.sampled_from([b"--b", b"--b--", b"\r\n", b"\n", b":", b"x", SDP, ISUP])))
def test_anything_is_survived(pieces: list[bytes]) -> None:
    unwrap(invite("multipart/mixed; boundary=b", b"".join(pieces)))
