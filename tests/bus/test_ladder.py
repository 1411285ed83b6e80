import pytest

from bus.ladder import Ladder, Rung, label, ladder_of
from bus.tracing import TracedMessage

INVITE = (
    b"INVITE sip:bob@192.0.2.2 SIP/2.0\r\nCSeq: 7 INVITE\r\nContent-Length: 20\r\n\r\n"
    b"v=0\r\na=sendonly\r\n"
)
RINGING = b"SIP/2.0 180 Ringing\r\ncseq :  7 INVITE\r\n\r\n"

DRAWN = """\
                  alice                              bob                              carol
   0.000             |-INVITE 7 (sendonly)------------>|                                 |
   0.020             |<-------------------180 INVITE 7-|                                 |
   0.500             |-INVITE 7 (sendonly)-------x     |                                 |
   0.600             |     x-------180 INVITE 7 [lost]-|                                 |
   1.000             |                                 |-INVITE 7 (sendonly)------------>|
   1.500             |<----------------------------------------------------------4 bytes-|"""


@pytest.mark.parametrize(
    ("datagram", "expected"),
    [
        (INVITE, "INVITE 7 (sendonly)"),
        (INVITE.replace(b"a=sendonly\r\n", b""), "INVITE 7 (sdp)"),
        (RINGING, "180 INVITE 7"),
        (b"ACK sip:b SIP/2.0\r\n\r\n", "ACK"),
        (b"\x80\x00\x01", "3 bytes"),
        (b"", "0 bytes"),
    ],
)
def test_labels(datagram: bytes, expected: str) -> None:
    assert label(datagram) == expected


def test_a_ladder() -> None:
    ladder = Ladder()
    ladder.add(Rung(0.0, "alice", "bob", INVITE))
    ladder.add(Rung(0.02, "bob", "alice", RINGING))
    ladder.add(Rung(0.5, "alice", "bob", INVITE, "dropped"))
    ladder.add(Rung(0.6, "bob", "alice", RINGING, "lost"))
    ladder.add(Rung(1.0, "bob", "carol", INVITE))
    ladder.add(Rung(1.5, "carol", "alice", b"\r\n\r\n"))
    assert str(ladder) == DRAWN
    assert ladder.labels("bob") == ["180 INVITE 7", "180 INVITE 7", "INVITE 7 (sendonly)"]
    assert ladder.times("INVITE", "alice") == [0.0, 0.5]


def traced(at: float, direction: str, text: str, remote: str = "192.0.2.2:5060") -> TracedMessage:
    return TracedMessage(at, direction, "udp:192.0.2.1:5060", remote, "7@h", text)


def message(start: str, cseq: str, sender: str) -> str:
    return f"{start}\r\nFrom: {sender}\r\nCSeq: {cseq}\r\n\r\n"


def test_the_engine_is_one_end_and_each_peer_another() -> None:
    options = message("OPTIONS sip:b SIP/2.0", "1 OPTIONS", "<sip:a>")
    good = message("SIP/2.0 200 OK", "1 OPTIONS", "<sip:a>")
    ladder = ladder_of(
        [traced(7.0, "received", options), traced(7.25, "sent", good, "192.0.2.3:5060")]
    )
    assert ladder.rungs == [
        Rung(0.0, "192.0.2.2:5060", "192.0.2.1:5060", options.encode()),
        Rung(0.25, "192.0.2.1:5060", "192.0.2.3:5060", good.encode()),
    ]


def test_a_call_to_itself_has_two_sides_and_each_message_once() -> None:
    caller, callee = "<sip:a>;tag=1", "<sip:b>;tag=2"
    texts = [
        message("INVITE sip:b SIP/2.0", "1 INVITE", caller),
        message("SIP/2.0 200 OK", "1 INVITE", caller),
        message("BYE sip:a SIP/2.0", "1 BYE", callee),
        message("SIP/2.0 200 OK", "1 BYE", callee),
    ]
    ladder = ladder_of(
        [
            traced(at, direction, text)
            for at, text in enumerate(texts)
            for direction in ("sent", "received")
        ]
    )
    sides = [(rung.source, label(rung.datagram)) for rung in ladder.rungs]
    assert sides == [
        ("caller", "INVITE 1"),
        ("callee", "200 INVITE 1"),
        ("callee", "BYE 1"),
        ("caller", "200 BYE 1"),
    ]


def test_nothing_is_an_empty_ladder() -> None:
    assert not ladder_of([]).rungs
