import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.sip.errors import FramingError
from signaling.sip.parse import parse_message
from signaling.sip.stream import KeepAlive, StreamFramer, sent_by
from tests.signaling.sip.material import INVITE, RINGING

HEAD = INVITE.partition(b"\r\n\r\n")[0]
Piece = bytes | KeepAlive
MESSAGES = st.sampled_from(
    [INVITE, RINGING, RINGING.replace(b"h: 0\r\n\r\n", b"h:4\r\n\r\n\r\n\r\n")]
)


def feed(framer: StreamFramer, *chunks: bytes) -> list[Piece]:
    return [piece for chunk in chunks for piece in framer.feed(chunk)]


def broken(datagram: bytes, longest: int = 65536) -> FramingError:
    with pytest.raises(FramingError) as caught:
        StreamFramer(longest).feed(datagram)
    return caught.value


def test_several_messages_in_one_segment() -> None:
    assert StreamFramer().feed(INVITE + RINGING + INVITE[:9]) == [INVITE, RINGING]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_messages_in_pieces(size: int) -> None:
    stream = INVITE + b"\r\n\r\n" + RINGING + RINGING
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
    pieces = feed(StreamFramer(), *chunks)
    assert [piece for piece in pieces if isinstance(piece, bytes)] == [INVITE, RINGING, RINGING]
    assert pieces[1] in (KeepAlive.PING, KeepAlive.PONG)
    assert KeepAlive.PING in pieces


@settings(deadline=None)
@given(st.lists(MESSAGES, max_size=4), st.data())
def test_a_stream_cut_anywhere_gives_the_same_messages(
    sent: list[bytes], data: st.DataObject
) -> None:
    stream, framer, received = b"".join(sent), StreamFramer(), list[Piece]()
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        received += framer.feed(stream[:cut])
        stream = stream[cut:]
    assert received == sent
    assert not framer.buffer


def test_keep_alives_between_messages() -> None:
    framer = StreamFramer()
    assert feed(framer, b"\r\n\r\n") == [KeepAlive.PING]
    assert feed(framer, b"\r\n") == [KeepAlive.PONG]
    assert feed(framer, INVITE + b"\r\n\r\n" + INVITE) == [INVITE, KeepAlive.PING, INVITE]
    assert feed(framer, b"\r\n" + INVITE) == [KeepAlive.PONG, INVITE]
    assert feed(framer, b"\r\n\r\n\r\n\r\n") == [KeepAlive.PING, KeepAlive.PING]


def test_a_ping_in_two_segments_is_a_ping() -> None:
    for cut in (1, 2, 3):
        pieces = feed(StreamFramer(), b"\r\n\r\n"[:cut], b"\r\n\r\n"[cut:])
        assert pieces.count(KeepAlive.PING) == 1
    assert feed(StreamFramer(), b"\r", b"\n", b"\r", b"\n")[-1] is KeepAlive.PING


def test_pongs_around_a_message_are_no_ping() -> None:
    assert KeepAlive.PING not in feed(StreamFramer(), b"\r\n", INVITE, b"\r\n")


@pytest.mark.parametrize("name", [b"Content-Length", b"l", b"L", b"content-LENGTH\t "])
@pytest.mark.parametrize("value", [b"5", b" 5 ", b"\r\n 5", b"\t\r\n\t 005"])
def test_the_length_is_found_however_it_is_written(name: bytes, value: bytes) -> None:
    datagram = INVITE.replace(b"Content-Length: 5", name + b":" + value)
    assert StreamFramer().feed(datagram + RINGING) == [datagram, RINGING]
    assert parse_message(datagram) == parse_message(INVITE)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"X: y", "Content-Length missing on a stream"),
        (b"X: Content-Length: 5", "Content-Length missing on a stream"),
        (b"Content-Length:", "Malformed Content-Length"),
        (b"Content-Length: -5", "Malformed Content-Length"),
        (b"Content-Length: 5 5", "Malformed Content-Length"),
        (b"Content-Length: 12345678901", "Malformed Content-Length"),
        (b"Content-Length: 5\r\nl: 6", "Content-Length more than once"),
    ],
)
def test_without_a_clear_length_the_stream_ends(line: bytes, says: str) -> None:
    error = broken(INVITE.replace(b"Content-Length: 5", line))
    assert (error.status, error.reason) == (400, says)
    assert error.head.endswith(b"\r\n\r\n")
    assert error.partial is not None
    assert error.partial.method == "INVITE"


def test_a_response_without_length_is_not_answered() -> None:
    assert broken(RINGING.replace(b"Content-Length: 0", b"X: y")).partial is None


def test_what_was_whole_before_an_error_is_not_lost() -> None:
    framer = StreamFramer()
    assert framer.feed(INVITE + b"nonsense\r\n\r\n") == [INVITE]
    assert framer.error is not None
    for more in (b"", INVITE):
        with pytest.raises(FramingError):
            framer.feed(more)


def test_the_buffer_is_bounded() -> None:
    framer = StreamFramer(longest=1000)
    assert feed(framer, b"x" * 1000) == []
    with pytest.raises(FramingError, match="Message Too Large") as caught:
        framer.feed(b"x")
    assert caught.value.status == 513
    assert not framer.buffer


def test_a_message_that_will_be_too_long_is_refused_at_once() -> None:
    large = INVITE.replace(b"Content-Length: 5", b"Content-Length: 65536")
    error = broken(large)
    assert error.status == 513
    assert error.partial is not None
    assert StreamFramer(len(INVITE)).feed(INVITE) == [INVITE]
    assert broken(INVITE, len(INVITE) - 1).status == 513


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_bytes_raise_nothing_but_framing_errors(chunks: list[bytes]) -> None:
    framer = StreamFramer(100)
    try:
        feed(framer, *chunks, b"\r\n\r\nl:3\r\n\r\n")
    except FramingError as error:
        assert error.status in (400, 513)


@pytest.mark.parametrize(
    ("head", "place"),
    [
        (b"Via: SIP/2.0/TCP 192.0.2.1:5070;branch=z", ("192.0.2.1", 5070)),
        (b"X: y\r\nv:SIP / 2.0 / tls pc.example.com ;branch=z", ("pc.example.com", None)),
        (b"Via: SIP/2.0/TCP [2001:db8::1]:5061", ("2001:db8::1", 5061)),
        (b"Via: SIP/2.0/TCP one:1, SIP/2.0/TCP two:2", ("one", 1)),
        (b"Via: SIP/2.0/TCP one:1\r\nVia: SIP/2.0/TCP two:2", ("one", 1)),
        (b"X-Via: SIP/2.0/TCP one:1", None),
        (b"Via: SIP/2.0/TCP", None),
        (b"Via: SIP/2.0/TCP one:123456", None),
    ],
)
def test_where_the_sender_of_a_request_says_it_listens(
    head: bytes, place: tuple[str, int | None] | None
) -> None:
    assert sent_by(b"OPTIONS sip:a SIP/2.0\r\n" + head + b"\r\n\r\n") == place
    assert sent_by(b"SIP/2.0 200 OK\r\n" + head + b"\r\n\r\n") is None


def test_part_of_a_message_is_waited_for() -> None:
    framer = StreamFramer()
    for chunk, waiting in ((INVITE, False), (RINGING[:9], True), (RINGING[9:], False)):
        framer.feed(chunk)
        assert framer.waiting is waiting
