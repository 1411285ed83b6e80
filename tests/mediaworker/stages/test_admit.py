import pytest

from mediaworker import rows
from mediaworker.net.address import words_of
from mediaworker.stages.admit import PATIENCE, WINDOW
from mediaworker.streams import DATAGRAM
from tests.mediaworker.virtual import HOST, PORT, Rtp, Worker, packets, peer, speech

ELSEWHERE = "198.51.100.4"


def feed(worker: Worker, row: int, count: int, first: int = 0, **where: object) -> None:
    """Let packets arrive, one every 20 ms, and wait for the last."""
    for packet in packets(speech(160 * (first + count)))[first:]:
        worker.arrive(row, packet, **where)  # type: ignore[arg-type]
        worker.run(4)


def test_the_peer_is_heard() -> None:
    worker = Worker()
    row = worker.open()
    feed(worker, row, 10)
    assert worker.public("packets_received", row) == 10
    assert worker.public("packets_strange", row) == 0


@pytest.mark.parametrize("where", [{"host": ELSEWHERE}, {"port": 4001}])
def test_strangers_are_dropped_once_the_peer_was_heard(where: dict[str, object]) -> None:
    worker = Worker()
    row = worker.open()
    feed(worker, row, 1)
    feed(worker, row, 20, first=1, **where)
    assert worker.public("packets_received", row) == 1
    assert worker.public("packets_strange", row) == 20
    assert worker.media.streams.peer[row].tolist() == list(words_of(HOST, PORT))


def test_a_peer_elsewhere_is_found_when_its_address_is_silent() -> None:
    worker = Worker()
    row = worker.open()
    feed(worker, row, 10, host=ELSEWHERE, port=9999)
    assert worker.public("packets_received", row) == 11 - PATIENCE
    assert worker.public("packets_strange", row) == PATIENCE - 1
    assert worker.media.streams.peer[row].tolist() == list(words_of(ELSEWHERE, 9999))
    assert worker.media.streams.rtcp_peer[row].tolist() == list(words_of(ELSEWHERE, 10000))


def test_it_is_found_once_then_locked() -> None:
    worker = Worker()
    row = worker.open()
    feed(worker, row, PATIENCE, host=ELSEWHERE)
    feed(worker, row, 20, first=PATIENCE)
    assert worker.public("packets_received", row) == 1
    assert worker.media.streams.peer[row].tolist() == list(words_of(ELSEWHERE, PORT))


def test_the_offered_address_wins_if_it_speaks_in_time() -> None:
    worker = Worker()
    row = worker.open()
    feed(worker, row, PATIENCE - 1, host=ELSEWHERE)
    feed(worker, row, 1, first=PATIENCE - 1)
    feed(worker, row, 20, first=PATIENCE, host=ELSEWHERE)
    assert worker.public("packets_received", row) == 1
    assert worker.media.streams.peer[row].tolist() == list(words_of(HOST, PORT))


def test_many_strangers_are_not_one() -> None:
    worker = Worker()
    row = worker.open()
    for number in range(20):
        worker.arrive(row, Rtp(number, 0, bytes(160)), host=ELSEWHERE, port=5000 + number % 3)
        worker.arrive(row, Rtp(number, 0, bytes(160), ssrc=number), host=ELSEWHERE, port=4)
        worker.run(4)
    assert worker.public("packets_received", row) == 0


def test_only_in_the_first_seconds() -> None:
    worker = Worker()
    row = worker.open()
    worker.run(WINDOW)
    feed(worker, row, 10, host=ELSEWHERE)
    assert worker.public("packets_received", row) == 0


def test_only_what_was_agreed_upon_teaches_an_address() -> None:
    worker = Worker()
    row = worker.open()
    for number in range(20):
        worker.arrive(row, Rtp(number, 0, bytes(160), payload_type=50), host=ELSEWHERE)
    worker.run(20)
    assert worker.public("packets_strange", row) == 20
    assert not worker.media.streams.latched[row]


def test_a_new_address_from_signaling_is_learnt_anew() -> None:
    worker = Worker()
    row = worker.open()
    feed(worker, row, 10, host=ELSEWHERE)
    rows.aim(worker.media, row, peer())
    assert worker.media.streams.peer[row].tolist() == list(words_of(ELSEWHERE, PORT))
    rows.aim(worker.media, row, peer(address="203.0.113.1"))
    assert worker.media.streams.peer[row].tolist() == list(words_of("203.0.113.1", PORT))
    before = worker.public("packets_received", row)
    feed(worker, row, 1, first=10, host="203.0.113.1")
    assert worker.public("packets_received", row) == before + 1


def test_ipv6() -> None:
    worker = Worker()
    row = worker.open(peer(address="2001:db8::1"))
    feed(worker, row, 3, host="2001:db8::1")
    feed(worker, row, 3, first=3, host="2001:db8::2")
    assert worker.public("packets_received", row) == 3


def test_a_storm_of_garbage_is_counted_and_does_no_harm() -> None:
    worker = Worker()
    row = worker.open()
    garbage = [
        b"",
        b"x",
        b"\x80",
        bytes(12),
        b"\xff" * DATAGRAM,
        bytes(2000),
        b"\x80\xc8" + bytes(26),
    ]
    first, *rest = packets(speech(1760))
    worker.arrive(row, first)
    worker.run(4)
    for packet in rest:
        for each in garbage:
            worker.arrive(row, each)
            worker.arrive(row, packet._replace(ssrc=1), host=ELSEWHERE)
        worker.arrive(row, packet)
        worker.run(4)
    worker.run(20)
    assert worker.public("packets_strange", row) == 10 * 2 * len(garbage)
    assert worker.public("frames_played", row) == worker.public("packets_received", row) == 11


def test_a_burst_is_not_enough() -> None:
    worker = Worker()
    row = worker.open()
    for packet in packets(speech(3200))[:12]:
        worker.arrive(row, packet, host=ELSEWHERE)
    worker.run(1)
    assert worker.public("packets_strange", row) == 12
    assert not worker.media.streams.latched[row]
