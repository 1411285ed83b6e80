"""SCENARIO 15: digits by RFC 4733, out and in."""

from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.peers.baresip import Baresip
from tests.peers.calls import TONE
from tests.peers.capture import Capture, RtpSeen, steps
from tests.peers.engine import Engine
from tests.peers.hand import Hand, media_port, rtp_packet
from tests.peers.plain_client import PlainClient
from tests.peers.sipp import Sipp
from tools.sound import RATE

pytestmark = [pytest.mark.peer("sipp", "baresip", "capture"), pytest.mark.timeout(120)]

CODES = {digit: code for code, digit in enumerate("0123456789*#ABCD")}
EVENTS = 101
END = 0x80


def test_digits_on_the_wire(app: PlainClient, tmp_path: Path) -> None:
    with Capture() as wire, Sipp(tmp_path, "answers_and_is_hung_up") as peer:
        call = app.dial(f"sip:bob@127.0.0.1:{peer.port}", play=TONE)
        app.wait_event("answered", call=call)
        app.watch(0.3)
        app.request("send_digits", call=call, digits="12")
        app.request("send_digits", call=call, digits="3#A")
        app.wait_event("digits_sent", call=call)
        app.watch(0.2)
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        peer.finish().check(1)
        packets = wire.rtp(destination=peer.media_port)
    assert (steps([packet.sequence for packet in packets], 16) == 1).all()
    assert len({packet.ssrc for packet in packets}) == 1
    events = [packet for packet in packets if packet.payload_type == EVENTS]
    digits = [list(group) for _, group in groupby(events, lambda packet: packet.timestamp)]
    assert [group[0].payload[0] for group in digits] == [CODES[digit] for digit in "123#A"]
    for group in digits:
        check_digit(group)
    for earlier, later in pairwise(digits):
        end = earlier[-1].timestamp + duration(earlier[-1])
        assert later[0].timestamp - end >= 0.050 * RATE


def check_digit(group: list[RtpSeen]) -> None:
    """Marker first, one time stamp, a duration that grows, three ends (RFC 4733, 2.5.1)."""
    assert [packet.marker for packet in group] == [True, *[False] * (len(group) - 1)]
    ends = [bool(packet.payload[1] & END) for packet in group]
    assert ends == [*[False] * (len(group) - 3), True, True, True]
    growing = np.diff([duration(packet) for packet in group[:-2]])
    assert set(growing.tolist()) == {160}
    assert len({duration(packet) for packet in group[-3:]}) == 1
    assert duration(group[-1]) >= 0.1 * RATE


def duration(packet: RtpSeen) -> int:
    return int.from_bytes(packet.payload[2:4], "big")


# ----------------------------------------------------------------------------------- receiving


def event_packets(digit: str, *, first: int, timestamp: int) -> list[bytes]:
    """Ten packets of one event, 20 ms each, of which the last three are ends."""
    durations = [160 * step for step in range(1, 9)] + [1280, 1280]
    return [
        rtp_packet(
            bytes([CODES[digit], 10 | (END if number >= 7 else 0), *length.to_bytes(2, "big")]),
            sequence=first + number,
            timestamp=timestamp,
            payload_type=EVENTS,
            marker=number == 0,
        )
        for number, length in enumerate(durations)
    ]


LOSSES = {
    "whole": slice(0, 10),
    "first packet lost": slice(1, 10),
    "all but one end lost": slice(0, 8),
    "only one end arrives": slice(9, 10),
}


@pytest.mark.parametrize("kept", LOSSES.values(), ids=LOSSES.keys())
def test_one_event_for_each_digit(engine: Engine, app: PlainClient, kept: slice) -> None:
    app.request("subscribe", user="*")
    with Hand() as hand:
        hand.invite(engine.sip_port)
        call = app.incoming()
        app.request("answer", call=call)
        port = media_port(hand.expect(200))
        hand.request("ACK")
        app.wait_event("answered", call=call)
        for number, digit in enumerate("5*"):
            at = 160 * 20 * number
            for packet in event_packets(digit, first=100 + 20 * number, timestamp=at)[kept]:
                hand.rtp.sendto(packet, ("127.0.0.1", port))
                app.watch(0.02)
            hand.rtp.sendto(
                rtp_packet(b"\xff" * 160, sequence=110 + 20 * number, timestamp=at + 1600),
                ("127.0.0.1", port),
            )
            seen = app.wait_event("digit_received", call=call)
            assert (seen["digit"], seen["method"]) == (digit, "rfc4733")
            assert seen["duration_ms"] == 160
        app.watch(0.3)
        hand.request("BYE")
        hand.expect(200)
        app.wait_event("ended", call=call)
    assert not [event for event in app.events if event["verb"] == "digit_received"]


def test_a_telephone_presses_keys(engine: Engine, app: PlainClient, tmp_path: Path) -> None:
    app.request("subscribe", user="*")
    with Baresip(tmp_path, says=np.zeros(RATE, np.int16)) as phone:
        phone.dial(f"sip:service@{engine.sip}")
        call = app.incoming()
        app.request("answer", call=call)
        phone.wait_event("CALL_ESTABLISHED")
        app.wait_event("answered", call=call)
        app.watch(0.3)
        for digit in "19#":
            phone.press(digit)
            assert app.wait_event("digit_received", call=call)["digit"] == digit
        phone.hang_up()
        app.wait_event("ended", call=call)


def test_a_telephone_receives_digits(app: PlainClient, tmp_path: Path) -> None:
    with Baresip(tmp_path, says=np.zeros(RATE, np.int16), auto_answer=True) as phone:
        call = app.dial(phone.uri)
        app.wait_event("answered", call=call)
        app.watch(0.3)
        app.request("send_digits", call=call, digits="42#")
        app.wait_event("digits_sent", call=call)
        app.watch(0.3)
        app.request("hang_up", call=call)
        phone.wait_event("CALL_CLOSED")
        app.wait_event("ended", call=call)
        lines = phone.output().splitlines()
    heard = [
        line.split("'")[1] for line in lines if line.startswith("received event") if "=1" in line
    ]
    assert heard == ["4", "2", "#"]
