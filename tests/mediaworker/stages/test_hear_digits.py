import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.streams import StreamDigit
from mediaworker.rtp.event import KEYS
from mediaworker.stages.hear_digits import PATIENCE
from tests.harness.pcap import read_pcap
from tests.mediaworker.virtual import Rtp, Worker, peer, speech

CAPTURES = Path(__file__).parents[4] / "shared" / "material" / "captures"
NAMES = {"pound": "#", "star": "*"}


def event(
    key: str, samples: int, sequence: int, started: int, ends: int = 3, payload_type: int = 101
) -> list[Rtp]:
    """Return the packets of one digit as the standard has them."""
    code, packets = KEYS.index(key), list[Rtp]()
    steps = [*range(160, samples, 160), *[samples] * ends]
    for index, elapsed in enumerate(steps):
        end = 0x80 if index >= len(steps) - ends else 0
        payload = bytes([code, end | 10]) + min(elapsed, 0xFFFF).to_bytes(2)
        packets.append(Rtp(sequence + index, started, payload, payload_type, marker=index == 0))
    return packets


def heard(
    packets: Sequence[Rtp | None], worker: Worker | None = None, every: int = 4
) -> list[tuple[str, int]]:
    """Return the digits and their lengths; None is a lost packet."""
    worker = worker or Worker()
    row = worker.open()
    for index, packet in enumerate(packets):
        if packet is not None:
            worker.arrive(row, packet, after=1 + every * index)
    events = worker.run(every * len(packets) + 2 * PATIENCE)
    return [(each.digit, each.duration_ms) for each in events if isinstance(each, StreamDigit)]


def without(packets: Sequence[Rtp], *lost: int) -> list[Rtp | None]:
    gone = {index % len(packets) for index in lost}
    return [None if index in gone else packet for index, packet in enumerate(packets)]


def several(keys: str, samples: int = 800) -> Iterator[Rtp]:
    sequence, started = 65530, 0xFFFF_F000
    for key in keys:
        packets = event(key, samples, sequence, started)
        yield from packets
        sequence, started = sequence + len(packets), (started + samples + 480) & 0xFFFF_FFFF


@pytest.mark.parametrize("key", KEYS)
def test_each_key(key: str) -> None:
    assert heard(event(key, 800, 1, 5)) == [(key, 100)]


@pytest.mark.parametrize(
    ("lost", "milliseconds"),
    [
        ((0,), 100),
        ((-1,), 100),
        ((-3, -2), 100),
        ((-2, -1), 100),
        ((0, 1, 2, 3), 100),
        ((0, 1, 2, 3, 4, 5), 100),
        ((1, 2, 3), 100),
        ((-3, -2, -1), 80),
    ],
)
def test_whatever_is_lost_a_digit_is_one_digit(lost: tuple[int, ...], milliseconds: int) -> None:
    assert heard(without(event("7", 800, 1, 5), *lost)) == [("7", milliseconds)]


def test_all_ends_may_be_lost_if_another_digit_follows() -> None:
    packets = [*without(event("7", 800, 1, 5), -3, -2, -1), *event("7", 800, 8, 1600)]
    assert heard(packets) == [("7", 80), ("7", 100)]


@given(st.sets(st.integers(0, 6), max_size=6))
@settings(max_examples=40, deadline=None)
def test_any_loss_and_doubling(lost: set[int]) -> None:
    packets = without(event("#", 800, 1, 5), *lost)
    doubled = [packet for packet in packets for _ in range(2)]
    assert [key for key, _ in heard(doubled)] == ["#"]


def test_ends_that_come_twice_or_late_are_no_new_digits() -> None:
    first, second = event("1", 800, 1, 5), event("2", 800, 20, 2000)
    late = first[-1]._replace(sequence=15)
    assert heard([*first, first[-1], late, second[0], late, *second]) == [("1", 100), ("2", 100)]


def test_no_marker_and_any_payload_type() -> None:
    worker = Worker()
    row = worker.open(peer(receive_events_payload_type=120, events_payload_type=97))
    for index, packet in enumerate(event("5", 800, 1, 5, payload_type=120)):
        worker.arrive(row, packet._replace(marker=False), after=1 + 4 * index)
    assert [each.digit for each in worker.run(200) if isinstance(each, StreamDigit)] == ["5"]


def test_many_digits_in_a_row_over_both_wraps() -> None:
    keys = "0011223344*#ABCD" * 3
    assert "".join(key for key, _ in heard(list(several(keys)))) == keys


def test_all_packets_at_once() -> None:
    assert [key for key, _ in heard(list(several("911")), every=0)] == ["9", "1", "1"]


def test_a_long_digit_in_segments_is_one() -> None:
    """RFC 4733 section 2.5.1.3: the next segment begins where the longest duration ends."""
    first = event("3", 0xFFFF, 0, 1000, ends=0)[::20]
    second = event("3", 8000, 0, 1000 + 0xFFFF)[::10]
    last = event("3", 8000, 0, 1000 + 0xFFFF)[-1]
    packets = [
        packet._replace(sequence=index) for index, packet in enumerate([*first, *second, last])
    ]
    assert heard(packets) == [("3", (0xFFFF + 8000) // 8)]


@pytest.mark.parametrize("clock", [8000, 16000, 48000])
def test_any_clock_beside_the_audio(clock: int) -> None:
    worker, codes = Worker(), speech(16000)
    row = worker.open(peer(events_clock=clock, receive_events_payload_type=126))
    sequence = itertools.count(65530)
    for begin in range(0, 8000, 160):
        code, at = codes[begin : begin + 160].tobytes(), 1 + begin // 40
        worker.arrive(row, Rtp(next(sequence), begin, code), after=at)
        if 1600 <= begin < 2400:
            elapsed = (begin - 1440) * clock // 8000
            end = 0x80 if begin == 2240 else 0
            payload = bytes([4, end | 10]) + elapsed.to_bytes(2)
            worker.arrive(row, Rtp(next(sequence), 1600, payload, 126, begin == 1600), after=at)
    assert worker.run(300) == [StreamDigit(stream=worker.stream(row), digit="4", duration_ms=100)]


def test_a_new_digit_may_have_an_earlier_timestamp_if_its_packets_are_the_newest() -> None:
    """Segments by a faster clock than that of the audio get ahead of it."""
    first, second = event("1", 800, 1, 50_000), event("2", 800, 8, 20_000)
    assert heard([*first, *second]) == [("1", 100), ("2", 100)]


@pytest.mark.parametrize("lost", [{-1}, {-2, -1}, {-3, -1}, {-3, -2, -1}])
def test_ends_that_are_lost_before_audio_do_not_join_two_presses_of_a_key(lost: set[int]) -> None:
    packets = [*without(event("7", 800, 1, 5), *lost), *event("7", 800, 8, 1605)]
    assert [key for key, _ in heard(packets)] == ["7", "7"]


def test_a_peer_that_starts_anew_is_heard() -> None:
    packets = [*event("1", 800, 1, 900_000), *event("2", 800, 100, 5)]
    restarted = [
        packet._replace(ssrc=7, sequence=packet.sequence) if index >= 7 else packet
        for index, packet in enumerate(packets)
    ]
    assert [key for key, _ in heard(restarted)] == ["1", "2"]


def test_what_is_no_digit_is_passed_over() -> None:
    flash = [packet._replace(payload=b"\x10\x80\x03\x20") for packet in event("1", 800, 1, 5)]
    short = [packet._replace(payload=b"\1\x80") for packet in event("1", 800, 20, 5000)]
    assert heard([*flash, *short]) == []


FILES = sorted(CAPTURES.glob("dtmf_2833_*.pcap"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_captures_of_others(path: Path) -> None:
    name = path.stem.removeprefix("dtmf_2833_")
    worker = Worker()
    row = worker.open()
    captured = list(read_pcap(path))
    for each in captured:
        after = 1 + round((each.seconds - captured[0].seconds) * 200)
        worker.arrive(row, each.payload, after=after)
    events = worker.run(300)
    assert events == [
        StreamDigit(stream=worker.stream(row), digit=NAMES.get(name, name), duration_ms=280)
    ]
