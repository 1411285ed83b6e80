"""A request whose transport failed, and its second way."""

import msgspec

from signaling.sip.flow import Flow
from signaling.sip.message import Request
from signaling.sip.parse import parse_message
from signaling.sip.render import render
from signaling.transactions.layer import ClientFailed, Out, Transactions, Transmit
from signaling.transactions.otherwise import keep_way

TCP = Flow("tcp:192.0.2.1:5060", "192.0.2.2", 5060)
UDP = Flow("udp:192.0.2.1:5060", "192.0.2.2", 5060)
OPEN = msgspec.structs.replace(TCP, connection="7")


def invite(transport: str, method: str = "INVITE") -> Request:
    message = parse_message(
        f"{method} sip:b@192.0.2.2 SIP/2.0\r\n"
        f"Via: SIP/2.0/{transport} 192.0.2.1:5060;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
        f"From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:b@192.0.2.2>\r\nCall-ID: 1\r\n"
        f"CSeq: 1 {method}\r\nContact: <sip:a@192.0.2.1>\r\n\r\n".encode()
    )
    assert isinstance(message, Request)
    return message


def sent(outs: list[Out]) -> list[tuple[Flow, bytes]]:
    return [(out.flow, out.datagram[:60]) for out in outs if isinstance(out, Transmit)]


def test_what_was_refused_over_tcp_goes_over_udp() -> None:
    layer = Transactions()
    way = keep_way(invite("UDP"), UDP, render(invite("UDP")))
    key, outs = layer.client_request(invite("TCP"), TCP, 0.0, otherwise=way)
    ((flow, datagram),) = sent(outs)
    assert (flow, b"/TCP " in datagram) == (TCP, True)
    ((flow, datagram),) = sent(layer.transport_failed(TCP, 0.1))
    assert (flow, b"/UDP " in datagram) == (UDP, True)
    assert sent(layer.wake(0.6)) == [(UDP, datagram)]  # T1 runs: UDP loses things
    layer.wake(32.05)
    assert layer.wake(32.1 + 32.0) == []
    assert layer.transport_failed(UDP, 65.0) == []
    assert key.endswith("INVITE")


def test_the_ack_of_a_refusal_goes_the_second_way_too() -> None:
    layer = Transactions()
    way = keep_way(invite("UDP"), UDP, render(invite("UDP")))
    layer.client_request(invite("TCP"), TCP, 0.0, otherwise=way)
    layer.transport_failed(TCP, 0.1)
    answer = parse_message(
        b"SIP/2.0 486 Busy\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n"
        b"From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:b@192.0.2.2>;tag=2\r\nCall-ID: 1\r\n"
        b"CSeq: 1 INVITE\r\n\r\n"
    )
    assert not isinstance(answer, Request)
    ((flow, datagram),) = sent(layer.receive_response(answer, 0.2))
    assert (flow, datagram[:3], b"/UDP " in datagram) == (UDP, b"ACK", True)


def test_what_was_written_to_a_connection_that_broke_is_written_to_the_next_once() -> None:
    layer = Transactions()
    key, _ = layer.client_request(invite("TCP", "BYE"), OPEN, 0.0)
    ((flow, _),) = sent(layer.transport_failed(OPEN, 0.1))
    assert flow == TCP
    assert layer.transport_failed(OPEN, 0.2) == [ClientFailed(key, "transport")]


def test_a_connection_that_cannot_be_opened_is_not_tried_again() -> None:
    layer = Transactions()
    key, _ = layer.client_request(invite("TCP", "BYE"), TCP, 0.0)
    assert layer.transport_failed(TCP, 0.1) == [ClientFailed(key, "transport")]
