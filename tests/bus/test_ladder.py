import pytest

from tests.harness.ladder import Ladder, Rung, label

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
