import itertools

import pytest

from bus.streams import StreamDigit, StreamDigitsSent
from mediaworker import rows
from mediaworker.rtp.event import KEYS
from mediaworker.streams import DIGITS
from tests.mediaworker.virtual import Rtp, Worker, peer, read


def dialled(
    digits: str, duration_ms: int = 100, gap_ms: int = 60, ptime: int = 20, ticks: int = 800
) -> list[Rtp]:
    worker = Worker()
    row = worker.open(peer(events_payload_type=97, ptime_ms=ptime))
    worker.run(8)
    rows.queue_digits(worker.media, row, digits, duration_ms, gap_ms)
    worker.run(ticks)
    return worker.sent(row)


def events_of(sent: list[Rtp]) -> dict[int, list[Rtp]]:
    """Return the telephone-events by their timestamps."""
    found: dict[int, list[Rtp]] = {}
    for packet in sent:
        if packet.payload_type == 97:
            found.setdefault(packet.timestamp, []).append(packet)
    return found


def test_one_digit_packet_by_packet() -> None:
    sent = dialled("3")
    first = next(index for index, packet in enumerate(sent) if packet.payload_type == 97)
    event = sent[first : first + 7]
    assert [packet.payload.hex() for packet in event] == [
        "030a00a0",
        "030a0140",
        "030a01e0",
        "030a0280",
        "038a0320",
        "038a0320",
        "038a0320",
    ]
    assert [packet.marker for packet in event] == [True] + [False] * 6
    assert {packet.timestamp for packet in event} == {sent[first - 1].timestamp + 160}
    after = sent[first + 7]
    assert (after.payload_type, after.marker) == (0, False)
    assert after.timestamp == event[0].timestamp + 7 * 160


@pytest.mark.parametrize("ptime", [10, 20, 30, 60])
@pytest.mark.parametrize("duration", [40, 100, 250])
@pytest.mark.parametrize("gap", [50, 60, 200])
def test_digits_in_a_row(ptime: int, duration: int, gap: int) -> None:
    sent = dialled("12#A", duration, gap, ptime)
    assert [each.sequence - sent[0].sequence for each in sent] == list(range(len(sent)))
    events = events_of(sent)
    assert "".join(KEYS[packets[0].payload[0]] for packets in events.values()) == "12#A"
    for packets in events.values():
        assert [packet.payload[1] >> 7 for packet in packets][-4:].count(1) == 3
        assert int.from_bytes(packets[-1].payload[2:]) == 8 * duration
        assert [packet.marker for packet in packets].count(True) == packets[0].marker == 1
        lengths = [int.from_bytes(packet.payload[2:]) for packet in packets[:-2]]
        assert lengths == [*range(8 * ptime, 8 * duration, 8 * ptime), 8 * duration]
    starts = list(events)
    for this, following in itertools.pairwise(starts):
        pause = following - this - 8 * duration
        assert 8 * gap <= pause < 8 * (max(gap, 2 * ptime) + 2 * ptime)


def test_the_end_of_the_queue_is_told_once() -> None:
    worker = Worker()
    row = worker.open()
    rows.queue_digits(worker.media, row, "1", 100, 60)
    rows.queue_digits(worker.media, row, "23", 100, 60)
    events = worker.run(400)
    assert events == [StreamDigitsSent(stream=worker.stream(row))]
    rows.queue_digits(worker.media, row, "4", 100, 60)
    assert worker.run(400) == events


def test_the_queue_goes_round() -> None:
    worker = Worker()
    row = worker.open(peer(events_payload_type=97))
    digits = KEYS * 12
    for begin in range(0, len(digits), DIGITS // 2):
        rows.queue_digits(worker.media, row, digits[begin : begin + DIGITS // 2], 40, 50)
        worker.run(1000)
    events = events_of(worker.sent(row))
    assert "".join(KEYS[packets[0].payload[0]] for packets in events.values()) == digits


def test_a_held_stream_waits_with_its_digits() -> None:
    worker = Worker()
    row = worker.open(peer(events_payload_type=97, send=False))
    rows.queue_digits(worker.media, row, "1", 100, 60)
    assert worker.run(100) == []
    rows.aim(worker.media, row, peer(events_payload_type=97))
    assert worker.run(100) == [StreamDigitsSent(stream=worker.stream(row))]


def test_what_is_sent_is_heard_by_another_of_us() -> None:
    worker = Worker()
    caller, callee = worker.open(), worker.open()
    rows.queue_digits(worker.media, caller, KEYS, 80, 50)
    heard = ""
    for _ in range(900):
        events = worker.run(1)
        heard += "".join(each.digit for each in events if isinstance(each, StreamDigit))
        for sent in worker.wire.sent.pop(caller, []):
            worker.arrive(callee, sent.packet)
    assert heard == KEYS


def test_streams_that_send_none_are_not_touched() -> None:
    worker = Worker()
    dialling, other = worker.open(), worker.open()
    rows.queue_digits(worker.media, dialling, "1", 100, 60)
    worker.run(100)
    assert {packet.payload_type for packet in worker.sent(other)} == {0}
    assert read(worker.sent(other)[0].datagram()) == worker.sent(other)[0]
