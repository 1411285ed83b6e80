import pytest

from bus.ids import StreamId
from mediaworker import rows
from mediaworker.net.address import words_of
from mediaworker.rtp.rtcp import goodbye, report
from mediaworker.stages.admit import PATIENCE, WINDOW
from mediaworker.streams import DATAGRAM
from tests.mediaworker.virtual import HOST, PORT, SSRC, Rtp, Worker, packets, peer, speech

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


SECOND = 200
"""Ticks."""


def test_a_peer_that_moved_is_found_by_its_ssrc_after_three_seconds() -> None:
    """Its NAT gave it another place: nothing was signaled, but it is the same source."""
    worker = Worker()
    row = worker.open()
    feed(worker, row, 50)
    feed(worker, row, 100, first=50, host=ELSEWHERE, port=9999)
    assert worker.public("packets_received", row) == 50
    feed(worker, row, 100, first=150, host=ELSEWHERE, port=9999)
    assert worker.media.streams.peer[row].tolist() == list(words_of(ELSEWHERE, 9999))
    assert worker.public("packets_received", row) > 50 + 20
    feed(worker, row, 20, first=250)
    assert worker.media.streams.peer[row].tolist() == list(words_of(ELSEWHERE, 9999)), "locked"


def test_a_peer_that_restarted_on_another_port_is_found_by_its_host() -> None:
    worker = Worker()
    row = worker.open()
    feed(worker, row, 50)
    worker.run(4 * SECOND)
    for number in range(10):
        worker.arrive(row, Rtp(number, 160 * number, bytes(160), ssrc=3), port=9000)
        worker.run(4)
    assert worker.media.streams.peer[row].tolist() == list(words_of(HOST, 9000))


def test_no_stranger_is_taken_for_a_peer_that_is_silent() -> None:
    """RTP bleed: neither after three seconds nor while the call is held."""
    worker = Worker()
    row = worker.open()
    feed(worker, row, 50)
    for hold in (False, True):
        rows.aim(worker.media, row, peer(receive=not hold))
        worker.run(WINDOW)
        for number in range(400):
            worker.arrive(row, Rtp(number, 160 * number, bytes(160), ssrc=3), host=ELSEWHERE)
            worker.run(4)
        assert worker.media.streams.peer[row].tolist() == list(words_of(HOST, PORT))
    assert worker.public("packets_strange", row) == 800


def test_nor_is_it_while_nothing_was_signaled() -> None:
    worker = Worker()
    row = worker.open()
    feed(worker, row, 50)
    worker.run(4 * SECOND)
    for number in range(150):
        worker.arrive(row, Rtp(number, 160 * number, bytes(160), ssrc=3), host=ELSEWHERE)
        worker.run(4)
    assert worker.media.streams.peer[row].tolist() == list(words_of(HOST, PORT))


def test_a_held_peer_does_not_move() -> None:
    worker = Worker()
    row = worker.open()
    feed(worker, row, 50)
    rows.aim(worker.media, row, peer(send=False))
    worker.run(4 * SECOND)
    feed(worker, row, 100, first=50, host=ELSEWHERE)
    assert worker.media.streams.peer[row].tolist() == list(words_of(HOST, PORT))


def test_after_a_reinvite_the_peer_may_be_elsewhere() -> None:
    worker = Worker()
    row = worker.open()
    feed(worker, row, 50)
    rows.aim(worker.media, row, peer(ptime_ms=30))
    for number in range(60):
        worker.arrive(row, Rtp(number, 160 * number, bytes(160), ssrc=3), host=ELSEWHERE)
        worker.run(4)
    assert worker.media.streams.peer[row].tolist() == list(words_of(ELSEWHERE, PORT))


def test_after_a_reinvite_the_peer_has_a_second_to_speak() -> None:
    worker = Worker()
    row = worker.open()
    feed(worker, row, 50)
    rows.aim(worker.media, row, peer(ptime_ms=30))
    for number in range(45):
        worker.arrive(row, Rtp(number, 160 * number, bytes(160), ssrc=3), host=ELSEWHERE)
        worker.run(4)
    feed(worker, row, 10, first=50)
    assert worker.media.streams.peer[row].tolist() == list(words_of(HOST, PORT))
    assert worker.public("packets_strange", row) == 45


def test_after_a_reinvite_the_peer_that_is_heard_stays() -> None:
    worker = Worker()
    row = worker.open()
    feed(worker, row, 50)
    rows.aim(worker.media, row, peer(ptime_ms=30))
    for number in range(50):
        worker.arrive(row, Rtp(number, 160 * number, bytes(160), ssrc=3), host=ELSEWHERE)
        feed(worker, row, 1, first=50 + number)
    assert worker.media.streams.peer[row].tolist() == list(words_of(HOST, PORT))
    assert worker.public("packets_strange", row) == 50


def test_few_packets_over_a_long_time_are_not_enough() -> None:
    worker = Worker()
    row = worker.open()
    for number in range(8):
        worker.arrive(row, Rtp(number, 160 * number, bytes(160), ssrc=3), host=ELSEWHERE)
        worker.run(SECOND)
    assert not worker.media.streams.latched[row]


def test_only_whom_the_description_names() -> None:
    worker = Worker()
    worker.media.accepts = "sdp"
    row = worker.open()
    feed(worker, row, 50, port=PORT + 2)
    assert worker.public("packets_received", row) == 0
    feed(worker, row, 10, first=50)
    worker.run(5 * SECOND)
    feed(worker, row, 50, first=60, port=PORT + 2)
    assert worker.public("packets_received", row) == 10
    assert worker.public("packets_strange", row) == 100


def test_whoever_sends() -> None:
    worker = Worker()
    worker.media.accepts = "any"
    row = worker.open()
    feed(worker, row, 10)
    feed(worker, row, 40, first=10, host=ELSEWHERE)
    assert worker.public("packets_received", row) == 50
    assert worker.media.streams.peer[row].tolist() == list(words_of(HOST, PORT)), (
        "but hears nothing"
    )


@pytest.mark.parametrize("accepts", ["sdp", "latch", "any"])
def test_nobody_is_answered_before_the_stream_was_aimed(accepts: str) -> None:
    worker = Worker()
    worker.media.accepts = accepts
    row = rows.take(worker.media, StreamId(9), 0)
    rows.open_row(worker.media, row, caller_is_remote=True, entropy=bytes(16))
    feed(worker, row, 100, host=ELSEWHERE)
    assert worker.public("packets_received", row) == 0
    assert worker.public("packets_strange", row) == 100
    assert not worker.sent(row)
    assert not worker.wire.sent_reports


def test_a_source_may_change_its_ssrc() -> None:
    worker = Worker()
    row = worker.open()
    feed(worker, row, 50)
    for number in range(50):
        worker.arrive(row, Rtp(number, 160 * number, bytes(160), ssrc=3))
        worker.run(4)
    assert worker.media.streams.remote_ssrc[row] == 3
    assert worker.public("packets_received", row) == 99
    assert worker.public("packets_strange", row) == 0


REPORT = report(SSRC, "x", None, ()) + goodbye(SSRC)


def test_rtcp_comes_with_rtp_where_that_was_agreed_upon() -> None:
    worker = Worker()
    row, other = worker.open(peer(rtcp_mux=True)), worker.open()
    for each in (row, other):
        worker.arrive(each, REPORT)
        worker.arrive(each, REPORT, host=ELSEWHERE)
    feed(worker, row, 5)
    assert worker.media.streams.goodbye_ssrc[:2].tolist() == [SSRC, 0]
    assert worker.public("packets_strange", row) == 1
    assert worker.public("packets_strange", other) == 2
    assert worker.public("packets_received", row) == 5


@pytest.mark.parametrize("kind", range(192, 224))
def test_payload_types_of_rtcp_are_no_rtp(kind: int) -> None:
    """RFC 5761 section 4; of one as short as 12 bytes, and of an extended report alone."""
    worker = Worker()
    row = worker.open(peer(rtcp_mux=True))
    worker.arrive(row, bytes([0x80, kind, 0, 2]) + bytes(8))
    worker.run(1)
    assert worker.public("packets_received", row) == worker.public("packets_strange", row) == 0


def test_our_reports_go_where_rtp_goes_also_if_that_was_learnt() -> None:
    worker = Worker()
    row = worker.open(peer(rtcp_mux=True))
    assert worker.media.streams.rtcp_peer[row].tolist() == list(words_of(HOST, PORT))
    feed(worker, row, 10, host=ELSEWHERE, port=9999)
    assert worker.media.streams.rtcp_peer[row].tolist() == list(words_of(ELSEWHERE, 9999))
    rows.aim(worker.media, row, peer())
    rows.aim(worker.media, row, peer(rtcp_mux=True))
    assert worker.media.streams.rtcp_peer[row].tolist() == list(words_of(ELSEWHERE, 9999))
