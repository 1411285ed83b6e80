import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.sip.errors import ParseError
from signaling.sip.message import Message, Request, Response, every, first
from signaling.sip.parse import MOST_HEADERS, parse_message, salvage
from signaling.sip.render import render, respond
from tests.signaling.sip.material import INVITE, RINGING, torture, torture_labels
from tests.signaling.sip.strategies import requests, responses

LABELS = torture_labels()


def request(datagram: bytes) -> Request:
    message = parse_message(datagram)
    assert isinstance(message, Request)
    return message


def refused(datagram: bytes) -> ParseError:
    with pytest.raises(ParseError) as caught:
        parse_message(datagram)
    return caught.value


def test_a_request_in_its_parts() -> None:
    message = request(INVITE)
    assert (message.method, message.uri, message.body) == (
        "INVITE",
        "sip:bob@192.0.2.4:5060",
        b"v=0\r\n",
    )
    assert first(message, "CSeq") == "314159 INVITE"
    assert first(message, "Content-Length") is None


def test_a_response_in_its_parts() -> None:
    message = parse_message(RINGING)
    assert isinstance(message, Response)
    assert (message.status, message.reason, message.body) == (180, "Ringing", b"")


@settings(deadline=None)
@given(st.one_of(requests(), responses()))
def test_what_is_rendered_is_read_back(message: Message) -> None:
    datagram = render(message)
    again = parse_message(datagram)
    assert again == message
    assert render(again) == datagram


@settings(deadline=None)
@given(st.one_of(requests(), responses()))
def test_a_message_survives_the_journal(message: Message) -> None:
    packed = msgspec.msgpack.encode(message)
    assert msgspec.msgpack.decode(packed, type=type(message)) == message


@pytest.mark.parametrize(
    ("short", "name"),
    [("v", "Via"), ("F", "From"), ("t", "To"), ("i", "Call-ID"), ("m", "Contact")],
)
def test_short_forms_are_expanded(short: str, name: str) -> None:
    datagram = INVITE.replace(f"\r\n{name}:".encode(), f"\r\n{short} :".encode())
    assert request(datagram) == request(INVITE)


def test_names_get_the_spelling_of_the_rfc_and_unknown_ones_keep_theirs() -> None:
    lines = b"uSER-aGENT: a\r\nx-mY-own: b\r\nwww-authenticate: Digest c=d, e=f\r\n"
    message = request(INVITE.replace(b"Max-Forwards", lines + b"MAX-FORWARDS"))
    names = [name for name, _ in message.headers]
    assert names[3:7] == ["User-Agent", "x-mY-own", "WWW-Authenticate", "Max-Forwards"]
    assert first(message, "WWW-Authenticate") == "Digest c=d, e=f"


def test_lists_are_one_entry_a_value() -> None:
    contacts = b'm: "A, \\"B" <sip:a,b@c;x=1?y=z>;q=0.5 , sip:d@e,\r\n <sip:f>;g="h,i"\r\nK: '
    message = request(INVITE.replace(b"Timestamp:", contacts + b"timer,,replaces ,\r\nTimestamp:"))
    assert every(message, "Contact")[:3] == [
        '"A, \\"B" <sip:a,b@c;x=1?y=z>;q=0.5',
        "sip:d@e",
        '<sip:f>;g="h,i"',
    ]
    assert every(message, "Supported") == ["timer", "replaces"]


def test_an_empty_list_is_not_no_list() -> None:
    assert every(request(INVITE.replace(b"Timestamp: 54.2", b"Accept:")), "Accept") == [""]


def test_folded_lines_are_unfolded() -> None:
    folded = INVITE.replace(b"CSeq: 314159 INVITE", b"CSeq:\r\n\t314159\r\n   INVITE")
    assert request(folded) == request(INVITE)


def test_empty_lines_before_a_message_are_skipped() -> None:
    assert request(b"\r\n\r\n" + INVITE) == request(INVITE)


def test_a_datagram_without_length_is_all_body() -> None:
    assert request(INVITE.replace(b"Content-Length: 5\r\n", b"") + b"a\0b").body == b"v=0\r\na\0b"


def test_what_follows_the_body_is_ignored() -> None:
    assert request(INVITE + INVITE) == request(INVITE)


def test_a_response_needs_no_reason() -> None:
    for line in (b"SIP/2.0 180\r\n", b"SIP/2.0 180 \r\n", b"sip/2.0 180 \r\n"):
        message = parse_message(RINGING.replace(b"SIP/2.0 180 Ringing\r\n", line))
        assert isinstance(message, Response)
        assert message.reason == ""


@pytest.mark.parametrize(
    ("before", "after", "status", "says"),
    [
        (b"To: Bob <", b"To: B\xff <", 400, "Not UTF-8 at byte "),
        (b"SIP/2.0\r\nVia", b"SIP/2.0 \r\nVia", 400, "Malformed start line"),
        (b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia", 505, "Version Not Supported"),
        (b"SIP/2.0\r\nVia", b"HTTP/SIP/2.0\r\nVia", 400, "Malformed start line"),
        (b"sip:bob@192", b"sip:b\xc3\xb6b@192", 400, "Malformed URI"),
        (b"sip:bob@192.0.2.4:5060", b"sip:bob@192.0.2.4:65536", 400, "Port above 65535"),
        (b"sip:bob@192.0.2.4:5060", b"sip:192.0.2.4?a=b", 400, "Headers in the Request-URI"),
        (b"Max-Forwards: 70", b"Max-Forwards: 256", 400, "Max-Forwards not from 0 to 255"),
        (b"Max-Forwards: 70", b"Max-Forwards:", 400, "Max-Forwards not from 0 to 255"),
        (b"Max-Forwards: 70", b"Max Forwards: 70", 400, "Malformed header field"),
        (b"Max-Forwards: 70", b"no colon", 400, "Malformed header field"),
        (b"Max-Forwards: 70", b": 70", 400, "Malformed header field"),
        (b"Max-Forwards: 70", b"A: b\rc", 400, "CR or LF alone"),
        (b"Max-Forwards: 70", b"A: b\nc", 400, "CR or LF alone"),
        (b"Max-Forwards: 70", b"To: <sip:a@b>", 400, "To more than once"),
        (b"CSeq: 314159 INVITE\r\n", b"", 400, "CSeq missing"),
        (b"CSeq: 314159 INVITE", b"CSeq: 314159 invite", 400, "Method in CSeq differs"),
        (b"CSeq: 314159 INVITE", b"CSeq: 2147483648 INVITE", 400, "CSeq not below 2**31"),
        (b"CSeq: 314159 INVITE", b"CSeq: 1" + b"0" * 5000 + b" INVITE", 400, "Malformed CSeq"),
        (b"CSeq: 314159", "CSeq: ٣١٤".encode(), 400, "Malformed CSeq"),
        (b"Call-ID: a84", b"Call-ID: a 84", 400, "Malformed Call-ID"),
        (b"To: Bob <", b'To: "Bob <', 400, "Malformed To"),
        (b"To: Bob <sip:bob", b"To: Bob <sip:b[ob", 400, "Malformed URI in To"),
        (b"To: Bob <sip:bob", b"To: Bob <bob", 400, "Malformed URI in To"),
        (b";tag=1928301774", b";tag=", 400, "Malformed From"),
        (b"From: ", b"From: *;", 400, "Malformed From"),
        (b"<sip:192.0.2.9;lr>", b"<sip:[::1::2];lr>", 400, "Malformed IPv6 address in Record-"),
        (b"192.0.2.1:5060;br", b"[1:2];br", 400, "Malformed IPv6 address in Via"),
        (b"192.0.2.1:5060;br", b"192.0.2.1:99999;br", 400, "Port above 65535 in Via"),
        (b"Via: SIP/2.0/UDP 192.0.2.1", b"Via: SIP/2.1/UDP 192.0.2.1", 400, "SIP version in Via"),
        (b"Via: SIP/2.0/UDP 192.0.2.1", b"Via: SIP/2.0/UDP", 400, "Malformed Via"),
        (b"application/sdp", b"application", 400, "Malformed Content-Type"),
        (b"Content-Length: 5", b"Content-Length: 6", 400, "Content-Length beyond the end"),
        (b"Content-Length: 5", b"Content-Length: -5", 400, "Malformed Content-Length"),
        (b"Content-Length: 5", b"Content-Length: 5\r\nl: 5", 400, "Content-Length more than once"),
    ],
)
def test_a_malformed_request_is_refused_by_what_is_wrong(
    before: bytes, after: bytes, status: int, says: str
) -> None:
    assert INVITE.count(before) == 1
    error = refused(INVITE.replace(before, after))
    assert (error.status, error.reason[: len(says)]) == (status, says)
    assert error.partial is not None
    assert len(every(error.partial, "Via")) == 2
    assert render(respond(error.partial, error.status, error.reason)).startswith(b"SIP/2.0")


def test_an_error_shows_what_was_malformed_but_does_not_send_it() -> None:
    error = refused(INVITE.replace(b"CSeq: 314159", b"CSeq: \x07" + b"x" * 100))
    assert str(error).startswith("Malformed CSeq: '\\x07xxxx")
    assert len(str(error)) < 100
    assert error.reason == "Malformed CSeq"


def test_the_end_of_the_header_fields_must_be_seen() -> None:
    head = INVITE.partition(b"\r\n\r\n")[0]
    assert refused(head).reason == "No empty line after the header fields"


@pytest.mark.parametrize(
    "line",
    [b"SIP/2.0 99 A", b"SIP/2.0 700 A", b"SIP/2.0 18 A", b"SIP/2.0  180 A", b"SIP/2.1 180 A"],
)
def test_a_malformed_response_is_never_answered(line: bytes) -> None:
    assert refused(RINGING.replace(b"SIP/2.0 180 Ringing", line)).partial is None


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\r\n\r\n",
        b"\0" * 100,
        b"GET / HTTP/1.1\r\nVia: SIP/2.0/UDP a\r\n\r\n",
        INVITE.replace(b"Via: ", b"Via- "),
        INVITE.replace(b"INVITE sip", b"INV(ITE sip"),
        INVITE.replace(b"\r\n", b"\n"),
    ],
)
def test_without_a_via_or_a_request_line_nothing_is_answered(datagram: bytes) -> None:
    assert refused(datagram).partial is None


def test_what_is_salvaged_stays_one_line_and_text() -> None:
    partial = refused(INVITE.replace(b"To: Bob", b"To: B\xff\rob")).partial
    assert partial is not None
    assert first(partial, "To") == "B\N{REPLACEMENT CHARACTER} ob <sip:bob@biloxi.example.com>"
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(partial), type=Request) == partial


def test_a_whole_request_can_be_salvaged_too() -> None:
    partial = salvage(INVITE)
    assert partial is not None
    assert [name for name, _ in partial.headers] == ["Via", "Via", "To", "From", "Call-ID", "CSeq"]


def test_header_fields_without_number_are_refused() -> None:
    many = b"X: y\r\n" * MOST_HEADERS
    assert refused(INVITE.replace(b"Max-F", many + b"Max-F")).reason == "Too many header fields"
    values = b"Allow:" + b"a," * (MOST_HEADERS - 1) + b"a\r\n"
    error = refused(INVITE.replace(b"Timestamp", values + b"Timestamp"))
    assert error.reason == "Too many values of Allow"


PIECES = (
    *(bytes([byte]) for byte in b'\0\r\n\t ;,:"<>\\=/@%*'),
    *(b"", b"\r\n", b"\r\n ", b"[::", b"]", b"-1", b"99999999999999999999", b"\xff\xfe"),
    *(b"SIP/2.0", b"sip:", b"l: 3\r\n", b"v: "),
)


def mutate(text: bytes, chance: random.Random) -> bytes:
    mutant = bytearray(text)
    for _ in range(chance.choice((1, 1, 2, 4))):
        start = chance.randrange(len(mutant) + 1)
        end = min(len(mutant), start + chance.choice((0, 1, 1, 2, 8, 40)))
        piece = chance.choice(PIECES)
        mutant[start:end] = piece or bytes(mutant[start:end]) * chance.randint(0, 3)
    return bytes(mutant)


def check(datagram: bytes) -> bool:
    """Whether a datagram is accepted; whatever can be answered is answered."""
    try:
        message = parse_message(datagram)
    except ParseError as error:
        if error.partial is not None:
            render(respond(error.partial, error.status, error.reason, to_tag="a"))
        return False
    assert parse_message(render(message)) == message
    return True


@pytest.mark.skipif(not LABELS, reason="no ../shared/material beside the checkout")
def test_mutants_of_rfc_4475_raise_nothing_but_parse_errors() -> None:
    seed = 4475
    print(f"seed {seed}")  # noqa: T201
    chance = random.Random(seed)
    originals = [torture(name) for name in LABELS]
    accepted = 0
    for count in range(20_000):
        mutant = mutate(chance.choice(originals), chance)
        try:
            accepted += check(mutant)
        except Exception as error:
            error.add_note(f"seed {seed}, mutant {count}: {mutant!r}")
            raise
    assert 1_500 < accepted < 18_500


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_bytes_raise_nothing_but_parse_errors(datagram: bytes) -> None:
    check(datagram)
    check(b"INVITE sip:a SIP/2.0\r\n" + datagram)
