import numpy as np
import pytest

from bus.columns import Column
from bus.streams import StreamDigit
from mediaworker.codecs.g711 import ULAW
from mediaworker.media import HEARS_TONES
from mediaworker.rtp.event import KEYS
from mediaworker.sources.dtmf import sound
from tests.mediaworker.virtual import Worker, packets, peer


def dialled(keys: str, milliseconds: int = 100, gap: int = 60) -> Column[np.int16]:
    """Return digits as tones."""
    ends, pieces = np.array([8 * milliseconds]), list[Column[np.int16]]()
    for key in keys:
        code = np.array([KEYS.index(key)], np.uint8)
        pieces.append(sound(code, np.array([0]), ends, 8 * (milliseconds + gap))[0])
    return np.concatenate([np.zeros(803, np.int16), *pieces, np.zeros(1600, np.int16)])


def heard(worker: Worker, row: int, audio: Column[np.int16], size: int = 160) -> list[StreamDigit]:
    for index, packet in enumerate(packets(ULAW.encode(audio), size)):
        worker.arrive(row, packet, after=1 + index * size // 40)
    events = worker.run(len(audio) // 40 + 60)
    return [event for event in events if isinstance(event, StreamDigit)]


@pytest.mark.parametrize("ptime", [10, 20, 30, 60])
def test_digits_are_one_event_each(ptime: int) -> None:
    worker = Worker()
    row = worker.open(peer(events_payload_type=-1, ptime_ms=ptime))
    events = heard(worker, row, dialled("159D*0#"))
    assert "".join(event.digit for event in events) == "159D*0#"
    assert {event.method for event in events} == {"inband"}
    assert all(60 <= event.duration_ms <= 120 for event in events)


def test_the_same_digit_twice_is_two() -> None:
    worker = Worker()
    row = worker.open(peer(events_payload_type=-1))
    events = heard(worker, row, dialled("1122", 50, 45))
    assert "".join(event.digit for event in events) == "1122"


def test_long_digits_last_long() -> None:
    worker = Worker()
    events = heard(worker, worker.open(peer(events_payload_type=-1)), dialled("7", 1000))
    assert [event.digit for event in events] == ["7"]
    assert abs(events[0].duration_ms - 1000) <= 50


@pytest.mark.parametrize(
    ("policy", "takes_events", "hears"),
    [
        ("auto", True, False),
        ("auto", False, True),
        ("always", True, True),
        ("never", False, False),
    ],
)
def test_whom_it_listens_to(policy: str, takes_events: bool, hears: bool) -> None:
    worker = Worker()
    worker.media.hears_tones = HEARS_TONES[policy]
    row = worker.open(peer(events_payload_type=101 if takes_events else -1))
    assert bool(heard(worker, row, dialled("1"))) is hears


def test_rows_are_heard_by_themselves() -> None:
    worker = Worker()
    rows = [worker.open(peer(events_payload_type=-1)) for _ in range(6)]
    for row in rows[1:]:
        for index, packet in enumerate(packets(ULAW.encode(dialled(KEYS[row])))):
            worker.arrive(row, packet, after=row + 4 * index)
    found = [event for event in worker.run(200) if isinstance(event, StreamDigit)]
    assert {(event.stream, event.digit) for event in found} == {
        (worker.stream(row), KEYS[row]) for row in rows[1:]
    }
