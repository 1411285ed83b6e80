"""Scenario 32 as the worker sees it: silent from the beginning, suddenly, while held, in pauses."""

import pytest

from bus.settings import MediaSettings
from bus.streams import StreamEvent, StreamHeard, StreamSilent
from mediaworker import rows
from mediaworker.media import Report
from mediaworker.net.address import words_of
from mediaworker.rtp.rtcp import goodbye, report
from mediaworker.stages.watch import patience_of
from tests.mediaworker.virtual import HOST, PORT, SSRC, Rtp, Worker, packets, peer, speech

SECOND = 200
"""Ticks."""
T1 = 10


def patient(seconds: float = T1) -> Worker:
    worker = Worker()
    worker.media.patience = int(seconds * SECOND)
    return worker


def talk(worker: Worker, row: int, seconds: float, first: int = 0) -> list[StreamEvent]:
    """Let a peer talk, and the time pass meanwhile."""
    events: list[StreamEvent] = []
    count = int(seconds * 50)
    for packet in packets(speech(160 * (first + count)))[first:]:
        worker.arrive(row, packet)
        events += worker.run(4)
    return events


def hear_report(worker: Worker, row: int, datagram: bytes = b"") -> None:
    datagram = datagram or report(SSRC, "x", None, ())
    worker.wire.reports.append(Report(row, datagram, words_of(HOST, PORT + 1)))


def silences(events: list[StreamEvent]) -> list[StreamEvent]:
    return [each for each in events if isinstance(each, StreamSilent | StreamHeard)]


def test_a_peer_that_never_says_anything() -> None:
    worker = patient()
    row = worker.open()
    assert not worker.run(T1 * SECOND)
    (event,) = worker.run(SECOND)
    assert isinstance(event, StreamSilent)
    assert event.stream == worker.stream(row)
    assert T1 <= event.seconds < T1 + 1
    assert not event.goodbye
    assert not worker.run(100 * SECOND), "it is told once"


def test_a_peer_that_stops() -> None:
    worker = patient()
    row = worker.open()
    assert not silences(talk(worker, row, 30))
    assert not silences(worker.run((T1 - 1) * SECOND))
    (event,) = silences(worker.run(2 * SECOND))
    assert isinstance(event, StreamSilent)


def test_a_peer_that_is_heard_again() -> None:
    worker = patient()
    row = worker.open()
    talk(worker, row, 2)
    worker.run(20 * SECOND)
    (event,) = silences(talk(worker, row, 1, first=100))
    assert isinstance(event, StreamHeard)
    assert event.seconds == pytest.approx(20, abs=1)
    assert len(silences(worker.run(20 * SECOND))) == 1, "and may fall silent again"


def test_a_peer_that_says_goodbye() -> None:
    worker = patient()
    row = worker.open()
    talk(worker, row, 2)
    hear_report(worker, row, report(SSRC, "x", None, ()) + goodbye(SSRC))
    (event,) = silences(worker.run(12 * SECOND))
    assert isinstance(event, StreamSilent) and event.goodbye


@pytest.mark.parametrize(("send", "receive"), [(True, False), (False, True), (False, False)])
def test_a_held_stream_is_not_watched_and_counts_anew(send: bool, receive: bool) -> None:
    worker = patient()
    row = worker.open()
    talk(worker, row, 2)
    worker.run(9 * SECOND)
    rows.aim(worker.media, row, peer(send=send, receive=receive))
    assert not silences(worker.run(60 * SECOND))
    rows.aim(worker.media, row, peer())
    assert not silences(worker.run((T1 - 1) * SECOND))
    assert len(silences(worker.run(2 * SECOND))) == 1


def test_a_stream_that_is_aimed_again_counts_anew() -> None:
    worker = patient()
    row = worker.open()
    assert len(silences(worker.run(12 * SECOND))) == 1
    rows.aim(worker.media, row, peer(ptime_ms=30))
    assert not silences(worker.run((T1 - 1) * SECOND))
    (event,) = silences(worker.run(2 * SECOND))
    assert isinstance(event, StreamSilent) and event.seconds < T1 + 1


KEY, NOISE = (bytes([1, 128, 3, 32]), 101), (bytes([70]), 13)
"""Payload and its type: of a telephone-event, and of comfort noise (RFC 3389)."""


def pause(worker: Worker, row: int, last: tuple[bytes, int] = NOISE) -> None:
    """Let a peer talk and cease, with packets that say so."""
    talk(worker, row, 1)
    for index in range(5):
        worker.arrive(row, Rtp(65550 + index, 160 * 50 + 0xFFFF_F000, *last), after=4 * index + 1)
    worker.run(20)


@pytest.mark.parametrize("last", [NOISE, KEY])
def test_a_pause_without_reports_is_spared(last: tuple[bytes, int]) -> None:
    """Nothing can be known of a peer that sends no RTCP."""
    worker = patient()
    row = worker.open()
    pause(worker, row, last)
    assert not silences(worker.run(600 * SECOND))


def test_in_a_pause_reports_show_that_the_peer_is_there() -> None:
    worker = patient()
    row = worker.open()
    pause(worker, row)
    for _ in range(20):
        hear_report(worker, row)
        assert not silences(worker.run(7 * SECOND))
    assert len(silences(worker.run(10 * SECOND))) == 1


def test_a_pause_is_over_when_the_peer_talks() -> None:
    worker = patient()
    row = worker.open()
    pause(worker, row)
    talk(worker, row, 3, first=55)
    assert len(silences(worker.run(12 * SECOND))) == 1


def test_reports_alone_are_not_enough_outside_of_a_pause() -> None:
    worker = patient()
    row = worker.open()
    talk(worker, row, 2)
    events: list[StreamEvent] = []
    for _ in range(3):
        hear_report(worker, row)
        events += worker.run(5 * SECOND)
    assert len(silences(events)) == 1


def test_strangers_are_not_the_peer() -> None:
    worker = patient()
    row = worker.open()
    talk(worker, row, 1)
    events: list[StreamEvent] = []
    for number in range(600):
        worker.arrive(row, Rtp(number, 0, bytes(160), ssrc=5), host="198.51.100.1")
        events += worker.run(4)
    assert len(silences(events)) == 1


def test_nobody_is_told_if_it_is_switched_off() -> None:
    worker = Worker()
    worker.open()
    assert not worker.run(100 * SECOND)


def test_each_row_counts_for_itself() -> None:
    worker = patient()
    first, second = worker.open(), worker.open()
    talk(worker, second, 5)
    events = silences(worker.run(T1 * SECOND - 2))
    assert [each.stream for each in events] == [worker.stream(first)]
    assert [each.stream for each in silences(worker.run(SECOND))] == [worker.stream(second)]


@pytest.mark.parametrize(
    ("timeout", "hangup", "ticks"),
    [(10, 0, 2000), (0, 30, 6000), (10, 30, 2000), (30, 10, 2000), (0, 0, 0), (0.5, 0, 100)],
)
def test_the_least_time_counts(timeout: float, hangup: float, ticks: int) -> None:
    settings = MediaSettings(rtp_timeout=timeout, rtp_timeout_hangup=hangup)
    assert patience_of(settings) == ticks
