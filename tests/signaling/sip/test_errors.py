from signaling.sip.errors import (
    FramingError,
    LocalError,
    ParseError,
    RemoteError,
    SipError,
    excerpt,
)
from signaling.sip.message import Request


def test_the_tree() -> None:
    assert issubclass(FramingError, ParseError)
    assert issubclass(ParseError, RemoteError)
    assert issubclass(RemoteError, SipError)
    assert issubclass(LocalError, SipError)
    assert not issubclass(LocalError, RemoteError)


def test_an_error_of_the_peer_says_what_to_answer() -> None:
    partial = Request(method="A", uri="sip:b", headers=[])
    error = ParseError(400, "Malformed To", partial, detail="x\r\ny")
    assert (error.status, error.reason, error.partial) == (400, "Malformed To", partial)
    assert str(error) == "Malformed To: 'x\\r\\ny'"
    assert str(ParseError(400, "To missing")) == "To missing"


def test_a_stream_error_has_the_header_part() -> None:
    error = FramingError(513, "Message Too Large", b"head", None)
    assert (error.status, error.head, error.partial) == (513, b"head", None)


def test_an_excerpt_is_short_and_one_line() -> None:
    assert excerpt("a" * 60) == repr("a" * 60)
    assert excerpt("\n" * 61) == repr("\n" * 60 + "...")
