import itertools

import numpy as np
import pytest

from bus.columns import Column
from bus.streams import StreamDigit, StreamDigitsSent
from mediaworker import rows, sounding
from mediaworker.rtp.event import KEYS
from mediaworker.sources.dtmf import HIGH, KEYPAD, LOW
from tests.mediaworker.virtual import Rtp, Worker, expanded, peer, read, said

LOUD = 8031
"""A sample that G.711 leaves as it is."""


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
    streams, digits = worker.media.streams, KEYS * 4
    streams.digits_sent[row] = streams.digits_queued[row] = 2**32 - 40  # they wrap too
    for begin in range(0, len(digits), 32):
        rows.queue_digits(worker.media, row, digits[begin : begin + 32], 40, 50)
        worker.run(1000)
    assert streams.digits_sent[row] == len(digits) - 40
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


def reported(packets: list[Rtp]) -> list[int]:
    """Return the durations that packets of an event tell."""
    return [int.from_bytes(packet.payload[2:]) for packet in packets]


@pytest.mark.parametrize("payload_type", [96, 101, 127])
@pytest.mark.parametrize("clock", [8000, 16000, 44100, 48000])
def test_any_clock_and_payload_type(clock: int, payload_type: int) -> None:
    worker = Worker()
    row = worker.open(peer(events_payload_type=payload_type, events_clock=clock))
    worker.run(8)
    rows.queue_digits(worker.media, row, "12", 100, 60)
    worker.run(200)
    sent = worker.sent(row)
    first = next(index for index, each in enumerate(sent) if each.payload_type == payload_type)
    events = events_of(
        [each._replace(payload_type=97) for each in sent if each.payload_type == payload_type]
    )
    steps = [clock * ms // 1000 for ms in (20, 40, 60, 80, 100, 100, 100)]
    assert [reported(packets) for packets in events.values()] == [steps, steps]
    assert next(iter(events)) == sent[first - 1].timestamp + 160
    audio = [
        each.timestamp - 160 * index for index, each in enumerate(sent) if len(each.payload) > 4
    ]
    assert len(set(audio)) == 1  # the audio's own time went on


def test_a_digit_too_long_for_its_field_is_sent_in_segments() -> None:
    """RFC 4733 section 2.5.1.3, at 48 kHz already after 1.4 seconds."""
    worker = Worker()
    row = worker.open(peer(events_payload_type=97, events_clock=48000))
    rows.queue_digits(worker.media, row, "78", 4000, 60)
    worker.run(2000)
    events = events_of(worker.sent(row))
    begins = list(events)
    assert [begin - begins[0] for begin in begins[:3]] == [0, 0xFFFF, 2 * 0xFFFF]
    assert len(begins) == 6 and begins == sorted(begins)
    segments = [events[begin] for begin in begins[:3]]
    whole = [packet for packets in segments for packet in packets]
    assert [packet.marker for packet in whole] == [True] + [False] * (len(whole) - 1)
    assert [packet.payload[1] >> 7 for packet in whole] == [0] * (len(whole) - 3) + [1] * 3
    assert [reported(packets)[-1] for packets in segments] == [0xFFFF, 0xFFFF, 192000 - 2 * 0xFFFF]
    assert sum(max(reported(packets)) for packets in segments) == 4 * 48000
    times = [
        0xFFFF * index + each for index, part in enumerate(segments) for each in reported(part)
    ]
    assert all(0 <= later - earlier <= 2 * 960 for earlier, later in itertools.pairwise(times))


@pytest.mark.parametrize(
    ("clock", "milliseconds"),
    [(48000, 1365), (48000, 1366), (48000, 2730), (48000, 2731), (48000, 8000), (8000, 10_000)],
)
def test_segments_are_heard_as_one_digit(clock: int, milliseconds: int) -> None:
    worker = Worker()
    caller, callee = worker.open(peer(events_clock=clock)), worker.open(peer(events_clock=clock))
    rows.queue_digits(worker.media, caller, "551", milliseconds, 60)
    heard: list[tuple[str, int]] = []
    for _ in range(milliseconds // 5 * 3 + 200):
        events = worker.run(1)
        heard += [(e.digit, e.duration_ms) for e in events if isinstance(e, StreamDigit)]
        for sent in worker.wire.sent.pop(caller, []):
            worker.arrive(callee, sent.packet)
    assert heard == [(key, milliseconds) for key in "551"]


def test_a_digit_of_a_faster_clock_is_never_before_the_one_before() -> None:
    worker = Worker()
    row = worker.open(peer(events_payload_type=97, events_clock=48000))
    rows.queue_digits(worker.media, row, "1", 8000, 50)
    rows.queue_digits(worker.media, row, "23", 40, 50)
    worker.run(2000)
    begins = list(events_of(worker.sent(row)))
    assert all(0 < later - earlier < 1 << 20 for earlier, later in itertools.pairwise(begins))
    worker.run(20_000)
    rows.queue_digits(worker.media, row, "4", 40, 50)
    worker.run(50)
    sent = worker.sent(row)
    first = next(
        i for i in range(len(sent)) if sent[i].payload_type == 97 and sent[i].payload[0] == 4
    )
    assert sent[first].timestamp == sent[first - 1].timestamp + 160  # audio has caught up


def test_a_clock_that_changes_within_a_digit_does_not_keep_it_from_ending() -> None:
    worker = Worker()
    row = worker.open(peer(events_clock=48000))
    rows.queue_digits(worker.media, row, "1", 3000, 60)
    worker.run(500)
    rows.aim(worker.media, row, peer(events_clock=8000))
    assert worker.run(150) == [StreamDigitsSent(stream=worker.stream(row))]


# ------------------------------------------------------------------------------------- tones


def toned(
    digits: str, duration_ms: int = 100, gap_ms: int = 60, ptime: int = 20, ticks: int = 400
) -> Column[np.int64]:
    """Return what is heard of digits sent as tones over a source that never pauses."""
    worker = Worker()
    row = worker.open(peer(ptime_ms=ptime, events_payload_type=-1))
    worker.media.pool[:800] = LOUD
    sounding.play_pool(worker.media, row, 0, 800, loop=True)
    worker.run(24)
    rows.queue_digits(worker.media, row, digits, duration_ms, gap_ms, "inband")
    assert worker.run(ticks) == [StreamDigitsSent(stream=worker.stream(row))]
    sent = worker.sent(row)
    assert [each.sequence - sent[0].sequence for each in sent] == list(range(len(sent)))
    assert [each.timestamp - sent[0].timestamp for each in sent] == [
        8 * ptime * index for index in range(len(sent))
    ]
    assert {each.payload_type for each in sent} == {0}
    return expanded(said(sent)).astype(np.int64)


def bursts(sound: Column[np.int64]) -> list[tuple[int, int]]:
    """Return begin and end of all stretches that are neither the source nor silence."""
    found: list[tuple[int, int]] = []
    other = (np.abs(sound - LOUD) > 300) & (np.abs(sound) > 200)
    for place in np.flatnonzero(other).tolist():
        if found and place - found[-1][1] < 50:
            found[-1] = found[-1][0], place + 1
        else:
            found.append((place, place + 1))
    return found


def key_of(sound: Column[np.int64]) -> str:
    """Return the digit whose two frequencies stand out."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 8000))
    low, high = (max(group, key=lambda hertz: spectrum[hertz]) for group in (LOW, HIGH))
    rest = np.median([spectrum[hertz] for hertz in (*LOW, *HIGH)])
    assert min(spectrum[low], spectrum[high]) > 5 * rest
    return KEYPAD[LOW.index(low)][HIGH.index(high)]


@pytest.mark.parametrize("ptime", [10, 20, 60])
@pytest.mark.parametrize(("duration", "gap"), [(40, 50), (100, 60), (250, 200)])
def test_tones_take_the_place_of_the_source(ptime: int, duration: int, gap: int) -> None:
    sound = toned("159#", duration, gap, ptime)
    found = bursts(sound)
    assert "".join(key_of(sound[begin:end]) for begin, end in found) == "159#"
    for begin, end in found:
        assert abs(end - begin - 8 * duration) < 40
    for (_, end), (begin, _) in itertools.pairwise(found):
        assert 8 * gap - 40 < begin - end < 8 * (gap + 2 * ptime) + 40
        assert np.abs(sound[end + 20 : begin - 20]).max() < 200
    assert np.abs(sound[: found[0][0] - 20] - LOUD).max() < 300
    assert np.abs(sound[found[-1][1] + 8 * (gap + 2 * ptime) :] - LOUD).max() < 300


def test_tones_and_events_queue_together() -> None:
    worker = Worker()
    row = worker.open(peer(events_payload_type=97))
    rows.queue_digits(worker.media, row, "1", 100, 60)
    rows.queue_digits(worker.media, row, "2", 100, 60, "inband")
    rows.queue_digits(worker.media, row, "3", 100, 60)
    assert worker.run(400) == [StreamDigitsSent(stream=worker.stream(row))]
    sent = worker.sent(row)
    assert [packets[0].payload[0] for packets in events_of(sent).values()] == [1, 3]
    sound = expanded(said(sent)).astype(np.int64)
    (begin, end), *more = bursts(sound)
    assert not more and key_of(sound[begin:end]) == "2"
    heard = [len(each.payload) > 4 and set(each.payload) != {0xFF} for each in sent]
    order = [each.payload_type or tone for each, tone in zip(sent, heard, strict=True)]
    assert [key for key, _ in itertools.groupby(order)] == [97, False, True, False, 97, False]


def test_events_that_wait_are_tones_if_the_peer_takes_none_any_more() -> None:
    worker = Worker()
    row = worker.open(peer(events_payload_type=97))
    rows.queue_digits(worker.media, row, "123", 100, 60)
    worker.run(20)
    rows.aim(worker.media, row, peer(events_payload_type=-1))
    assert worker.run(400) == [StreamDigitsSent(stream=worker.stream(row))]
    sound = expanded(said(worker.sent(row))).astype(np.int64)
    assert "".join(key_of(sound[begin:end]) for begin, end in bursts(sound)[-2:]) == "23"


def test_tones_wait_while_we_may_not_send_and_go_on() -> None:
    worker = Worker()
    row = worker.open(peer())
    rows.queue_digits(worker.media, row, "5", 200, 60, "inband")
    worker.run(20)
    rows.aim(worker.media, row, peer(send=False))
    assert worker.run(100) == []
    rows.aim(worker.media, row, peer())
    assert worker.run(100) == [StreamDigitsSent(stream=worker.stream(row))]
    sound = expanded(said(worker.sent(row))).astype(np.int64)
    ((begin, end),) = bursts(sound)
    assert abs(end - begin - 1600) < 40


def test_tones_sound_over_a_hold_and_are_recorded() -> None:
    worker = Worker()
    row = worker.open(peer())
    rows.record(worker.media, row, 3)
    sounding.play_silence(worker.media, row, over=True)
    rows.queue_digits(worker.media, row, "9", 100, 60, "inband")
    worker.run(100)
    sound = worker.media.recordings.ring[3, :20, 0].reshape(-1).astype(np.int64)
    ((begin, end),) = bursts(sound)
    assert key_of(sound[begin:end]) == "9"
