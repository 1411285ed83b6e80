from bus.codec import encode
from bus.tracing import TracedMessage
from signaling.shell.trace_ring import OVERHEAD, TraceRing, call_id_of
from signaling.sip.flow import Flow

FLOW = Flow("udp:127.0.0.1:5060", "127.0.0.2", 5070)


def message(call_id: str, number: int = 1) -> bytes:
    return f"OPTIONS sip:a SIP/2.0\r\nCall-ID: {call_id}\r\nCSeq: {number} OPTIONS\r\n\r\n".encode()


def test_the_messages_of_a_call_are_found_oldest_first() -> None:
    ring = TraceRing(10)
    ring.add("received", FLOW, message("1@h", 1))
    ring.add("received", FLOW, message("11@h"))  # holds the other as a part
    ring.add("sent", FLOW, message("1@h", 2))
    ring.add("sent", FLOW, b"OPTIONS sip:1@h SIP/2.0\r\nCall-ID: other\r\n\r\n")
    trace = ring.trace("1@h", 10_000)
    assert [each.text.encode() for each in trace.messages] == [message("1@h", 1), message("1@h", 2)]
    first, second = trace.messages
    assert (first.direction, second.direction) == ("received", "sent")
    assert (first.local, first.remote) == ("udp:127.0.0.1:5060", "127.0.0.2:5070")
    assert first.at <= second.at
    assert trace.left_out == 0


def test_nothing_is_found_where_nothing_is() -> None:
    ring = TraceRing(10)
    ring.add("sent", FLOW, b"OPTIONS sip:a SIP/2.0\r\n\r\n")
    assert not ring.trace("", 10_000).messages
    assert not ring.trace("1@h", 10_000).messages


def test_so_many_are_kept_and_the_oldest_go() -> None:
    ring = TraceRing(3)
    for number in range(5):
        ring.add("sent", FLOW, message("1@h", number))
    kept = [each.text.encode() for each in ring.trace("1@h", 10_000).messages]
    assert kept == [message("1@h", number) for number in (2, 3, 4)]


def test_so_much_is_kept() -> None:
    size = len(message("1@h")) + OVERHEAD
    ring = TraceRing(100, most_bytes=2 * size)
    for _ in range(5):
        ring.add("sent", FLOW, message("1@h"))
        assert ring.bytes <= 2 * size
    assert len(ring.kept) == 2
    ring.add("sent", FLOW, bytes(3 * size))
    assert (len(ring.kept), ring.bytes) == (0, 0)


def test_none_may_be_kept() -> None:
    ring = TraceRing(0)
    ring.add("sent", FLOW, message("1@h"))
    assert not ring.kept


def test_what_does_not_fit_into_a_frame_is_left_out_and_counted() -> None:
    ring = TraceRing(100)
    for number in range(9):
        ring.add("sent", FLOW, message("1@h", number))
    size = max(len(encode(each)) for each in ring.trace("1@h", 10_000).messages)
    trace = ring.trace("1@h", 2 * size)
    assert [each.text.encode() for each in trace.messages] == [message("1@h", 7), message("1@h", 8)]
    assert trace.left_out == 7
    assert isinstance(trace.messages[0], TracedMessage)


def test_the_call_id_is_found_in_either_form() -> None:
    assert call_id_of(b"BYE sip:a SIP/2.0\r\ni : 7@h\r\n\r\n") == "7@h"
    assert call_id_of(b"BYE sip:a SIP/2.0\r\ncall-id:7@h\r\n\r\n") == "7@h"
    assert call_id_of(b"") == ""


def test_keys_are_not_shown() -> None:
    ring = TraceRing(3)
    line = b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"
    ring.add("sent", FLOW, message("1@h") + line + b"d0RmdmcmVCspeEc3QGZi|2^20\r\n")
    (shown,) = ring.trace("1@h", 10_000).messages
    assert shown.text.encode() == message("1@h") + line + b"***|2^20\r\n"
