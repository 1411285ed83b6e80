import numpy as np
import pytest

from bus.errors import BadRequestError, NoCapacityError
from bus.ids import StreamId
from mediaworker import rows, sounding
from mediaworker.codecs.codec import Codec
from mediaworker.media import Media
from mediaworker.net.address import words_of
from mediaworker.streams import DIGITS, NEVER, PayloadKind
from tests.mediaworker.virtual import HOST, PORT, Rtp, Worker, packets, peer, said, speech

SECOND = 1_000_000_000
PUBLIC = {"public.stream"}


def test_a_row_is_clean_when_it_is_taken_again() -> None:
    media = Media.private(1)
    for table in (media.streams, media.public):
        for name in table.columns:
            getattr(table, name).view(np.uint8)[:] = 0xFF
    media.public.stream[0] = 0
    media.streams.released_at[0] = 0
    row = rows.take(media, StreamId(7), SECOND)
    media.public.stream[0], media.streams.due[0] = 0, 0
    for table in (media.streams, media.public):
        for name in table.columns:
            assert not getattr(table, name)[row].any(), name


def test_all_rows_can_be_taken_and_no_more() -> None:
    media = Media.private(3)
    taken = [rows.take(media, StreamId(number + 1), 0) for number in range(3)]
    assert sorted(taken) == [0, 1, 2]
    assert media.high == 3
    with pytest.raises(NoCapacityError, match="all 3 streams"):
        rows.take(media, StreamId(9), 0)


def test_a_closed_row_rests_unless_no_other_is_free() -> None:
    worker = Worker(streams=2)
    row = worker.open()
    rows.close(worker.media, row, 100 * SECOND)
    assert rows.take(worker.media, StreamId(2), 100 * SECOND + 1) == 1
    assert rows.take(worker.media, StreamId(3), 100 * SECOND + 1) == row
    rows.close(worker.media, row, 200 * SECOND)
    rows.close(worker.media, 1, 201 * SECOND)
    assert rows.take(worker.media, StreamId(4), 201 * SECOND + 1) == row


def test_streams_are_found_by_their_name() -> None:
    worker = Worker()
    first, second = worker.open(), worker.open()
    assert rows.row_of(worker.media, worker.stream(second)) == second
    assert rows.row_of(worker.media, StreamId(99)) is None
    assert rows.live_rows(worker.media) == [first, second]
    stream = worker.stream(first)
    rows.close(worker.media, first, 1)
    assert rows.row_of(worker.media, stream) is None
    assert rows.live_rows(worker.media) == [second]


def test_a_closed_stream_sends_nothing() -> None:
    worker = Worker()
    row = worker.open()
    worker.run(20)
    rows.close(worker.media, row, worker.now_ns)
    assert worker.media.streams.due[row] == NEVER
    for packet in packets(speech(1600)):
        worker.arrive(row, packet)
    worker.run(20)
    assert len(worker.sent(row)) == 5


def test_rows_are_spread_over_the_phases() -> None:
    worker = Worker(streams=40)
    for _ in range(40):
        worker.open()
        worker.run(1)
    assert np.bincount(worker.media.streams.due[:40] % 4).tolist() == [20, 0, 20]


def test_a_few_rows_are_due_together() -> None:
    worker = Worker(streams=9)
    for _ in range(9):
        worker.open()
    phases = np.bincount(worker.media.streams.due[:9] % 4, minlength=4)
    assert sorted(phases.tolist()) == [0, 0, 1, 8]


def test_entropy_decides_what_the_wire_shows_first() -> None:
    worker = Worker()
    for number in range(2):
        row = rows.take(worker.media, StreamId(number + 1), 0)
        entropy = bytes([number, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xFF, 0xFF, 0, 0])
        rows.open_row(worker.media, row, caller_is_remote=False, entropy=entropy)
        rows.aim(worker.media, row, peer())
    worker.run(8)
    first, other = worker.sent(0)[0], worker.sent(1)[0]
    assert (first.ssrc, other.ssrc) == (0x00010203, 0x01010203)
    assert first.sequence == 0x7FFF


def test_nothing_is_sent_before_the_row_is_aimed() -> None:
    worker = Worker()
    row = rows.take(worker.media, StreamId(1), 0)
    rows.open_row(worker.media, row, caller_is_remote=False, entropy=bytes(16))
    for packet in packets(speech(320)):
        worker.arrive(row, packet, host="0.0.0.0")
    worker.run(2000)
    assert not worker.sent(row) and not worker.wire.sent_reports
    assert worker.public("packets_strange", row) == 2
    assert rows.close(worker.media, row, worker.now_ns) == b""


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"address": "example.org"}, "example.org"),
        ({"port": 0}, "port 0"),
        ({"rtcp_port": 70000}, "70000"),
        ({"codec": "opus"}, "opus"),
        ({"payload_type": 200}, "200"),
        ({"events_clock": 0}, "events_clock 0"),
        ({"receive_events_payload_type": 128}, "128"),
    ],
)
def test_aiming_at_nonsense_changes_nothing(changes: dict[str, object], named: str) -> None:
    worker = Worker()
    row = worker.open()
    before = {name: getattr(worker.media.streams, name)[row].tolist() for name in rows.OWN - PUBLIC}
    with pytest.raises(BadRequestError, match=named):
        rows.aim(worker.media, row, peer(**{"codec": "PCMA", **changes}))
    after = {name: getattr(worker.media.streams, name)[row].tolist() for name in rows.OWN - PUBLIC}
    assert before == after


def test_a_new_aim_keeps_numbers_and_times_going() -> None:
    worker = Worker()
    row = worker.open()
    worker.run(20)
    rows.aim(worker.media, row, peer(codec="PCMA", payload_type=8, port=5000))
    worker.run(20)
    sent = worker.sent(row)
    assert {packet.payload_type for packet in sent[:5]} == {0}
    assert {(packet.payload_type, packet.payload[0]) for packet in sent[5:]} == {(8, 0xD5)}
    assert len({packet.ssrc for packet in sent}) == 1
    assert np.diff([packet.sequence for packet in sent]).tolist() == [1] * 9
    assert np.diff([packet.timestamp for packet in sent]).tolist() == [160] * 9
    assert worker.media.streams.peer[row].tolist() == list(words_of(HOST, 5000))


def test_forks_of_early_media_are_aimed_at_one_after_the_other() -> None:
    """183 of one phone, 183 of another with another codec, then its 200: one stream throughout."""
    worker = Worker()
    row = worker.open(peer(receive_payload_type=0))
    sounding.play_echo(worker.media, row)
    first, second = speech(8000, 1), speech(16000, 2)
    other = {"port": 5000, "codec": "PCMA", "payload_type": 8, "receive_payload_type": 8}
    for index, packet in enumerate(packets(first)):
        worker.arrive(row, packet, after=1 + 4 * index)
    for index, packet in enumerate(packets(second, sequence=7, timestamp=99)):
        changed = packet._replace(ssrc=9, payload_type=8)
        worker.arrive(row, changed, after=101 + 4 * index, port=5000)
    worker.run(100)
    rows.aim(worker.media, row, peer(**other))
    worker.run(100)
    rows.aim(worker.media, row, peer(**other))  # again: nothing begins anew
    assert worker.media.streams.peer[row].tolist() == list(words_of(HOST, 5000))
    worker.run(200)
    sent = worker.sent(row)
    assert len({packet.ssrc for packet in sent}) == 1
    assert set(np.diff([packet.sequence for packet in sent]).tolist()) == {1}
    assert set(np.diff([packet.timestamp for packet in sent]).tolist()) == {160}
    assert [packet.marker for packet in sent].count(True) == 1
    assert max(np.diff([each.tick for each in worker.wire.sent[row]]).tolist()) < 8
    assert first[:3200].tobytes() in said(packet for packet in sent if packet.payload_type == 0)
    begin = said(sent).index(second[1600:1760].tobytes())
    assert said(sent)[begin:].startswith(second[1600:11_200].tobytes())
    lost = worker.public("packets_lost", row), worker.public("packets_strange", row)
    assert lost == (0, 25)  # of the first phone, that talks on for a while


def test_directions_change_and_nothing_else() -> None:
    worker, codes = Worker(), speech(48000)
    row = worker.open()
    for index, packet in enumerate(packets(codes)):
        worker.arrive(row, packet, after=1 + 4 * index)
    sounding.play_echo(worker.media, row)
    names = ("remote_ssrc", "sequence_first", "latched", "peer", "rtcp_peer")
    worker.run(50)
    before = [getattr(worker.media.streams, name)[row].tolist() for name in names]
    for send, receive in [(False, True), (True, False), (False, False), (True, True)] * 2:
        rows.aim(worker.media, row, peer(send=send, receive=receive))
        worker.run(100)
    assert [getattr(worker.media.streams, name)[row].tolist() for name in names] == before
    assert worker.public("packets_lost", row) == worker.public("packets_late", row) == 0
    sent, ticks = worker.sent(row), [each.tick for each in worker.wire.sent[row]]
    assert set(np.diff([packet.sequence for packet in sent]).tolist()) == {1}
    times = np.diff([packet.timestamp for packet in sent])
    assert (times == 40 * np.diff(ticks)).all()
    assert {packet.marker for packet in sent[1:] if packet.timestamp} == {True, False}
    assert codes[33_000:33_160].tobytes() in said(sent[-25:])


def test_a_peer_at_no_address_hears_nothing_and_is_still_heard() -> None:
    """The hold of RFC 2543: c=0.0.0.0, and then the old address again."""
    worker, codes = Worker(), speech(16000)
    row = worker.open()
    for index, packet in enumerate(packets(codes)):
        worker.arrive(row, packet, after=1 + 4 * index, port=PORT + 6)
    worker.run(100)
    learnt = list(words_of(HOST, PORT + 6))
    assert worker.media.streams.peer[row].tolist() == learnt
    rows.aim(worker.media, row, peer(address="0.0.0.0", send=True))
    strange, sent = worker.public("packets_strange", row), len(worker.sent(row))
    worker.run(100)
    assert len(worker.sent(row)) == sent
    assert worker.public("packets_strange", row) == strange
    rows.aim(worker.media, row, peer())
    worker.run(8)
    assert len(worker.sent(row)) == sent + 2
    assert worker.media.streams.peer[row].tolist() == learnt


def test_a_first_aim_at_no_address_sends_nothing_not_even_reports() -> None:
    worker = Worker()
    row = rows.take(worker.media, StreamId(1), 0)
    rows.open_row(worker.media, row, caller_is_remote=False, entropy=bytes(16))
    rows.aim(worker.media, row, peer(address="0.0.0.0"))
    worker.run(2000)
    assert not worker.sent(row) and not worker.wire.sent_reports
    rows.aim(worker.media, row, peer())
    worker.run(8)
    assert len(worker.sent(row)) == 2


def test_another_address_is_learnt_anew() -> None:
    worker = Worker()
    row = worker.open()
    worker.arrive(row, packets(speech(160))[0])
    worker.run(3000)
    streams = worker.media.streams
    assert streams.latched[row]
    rows.aim(worker.media, row, peer(port=5000))
    assert not streams.latched[row]
    assert streams.rtcp_peer[row].tolist() == list(words_of(HOST, PORT + 1))
    for index, packet in enumerate(packets(speech(16000), sequence=1, timestamp=1)):
        worker.arrive(row, packet._replace(ssrc=9), after=1 + 4 * index, port=6000)
    worker.run(100)
    assert streams.latched[row]
    assert streams.peer[row].tolist() == list(words_of(HOST, 6000))
    assert streams.rtcp_peer[row].tolist() == list(words_of(HOST, 6001))
    rows.aim(worker.media, row, peer(port=5000))
    assert streams.peer[row].tolist() == list(words_of(HOST, 6000))


def test_only_the_rtcp_port_changes() -> None:
    worker = Worker()
    row = worker.open()
    rows.aim(worker.media, row, peer(rtcp_port=7777))
    assert worker.media.streams.rtcp_peer[row].tolist() == list(words_of(HOST, 7777))


@pytest.mark.parametrize(("ptime", "period"), [(10, 2), (60, 12), (15, 4), (120, 4), (0, 4)])
def test_packet_times(ptime: int, period: int) -> None:
    worker = Worker()
    row = worker.open(peer(ptime_ms=ptime))
    assert worker.media.streams.period[row] == period


@pytest.mark.parametrize(("ptime", "period"), [(10, 2), (30, 4), (40, 8), (50, 8), (60, 12)])
def test_packet_times_that_a_codec_has(ptime: int, period: int) -> None:
    worker = Worker()
    row = worker.open(peer(codec="opus", clock=48000, ptime_ms=ptime))
    assert worker.media.streams.period[row] == period
    assert worker.media.streams.frame[row] == period * 80
    assert worker.media.streams.units[row] == 240


def test_other_codecs_that_the_peer_may_send() -> None:
    worker = Worker()
    row = worker.open(peer(also={9: "G722/8000", 100: "opus/48000"}))
    kinds = worker.media.streams.payload_kinds[row]
    assert (kinds[0], kinds[9], kinds[100]) == (Codec.PCMU, Codec.G722, Codec.OPUS)


@pytest.mark.parametrize("also", [{9: "G722"}, {200: "G722/8000"}, {9: "G722/x"}, {9: "GSM/8000"}])
def test_other_codecs_that_we_lack(also: dict[int, str]) -> None:
    worker = Worker()
    with pytest.raises(BadRequestError, match="also"):
        worker.open(peer(also=also))


def test_payload_types() -> None:
    worker = Worker()
    changes = {"receive_payload_type": 99, "receive_events_payload_type": 0}
    row = worker.open(peer(**changes, codec="PCMA"))
    kinds = worker.media.streams.payload_kinds[row]
    assert {int(each): kinds[each] for each in np.flatnonzero(kinds != PayloadKind.UNKNOWN)} == {
        0: PayloadKind.EVENTS,
        8: Codec.PCMA,
        13: PayloadKind.NOISE,
        99: Codec.PCMA,
    }


@pytest.mark.parametrize(
    ("digits", "duration", "gap", "named"),
    [
        ("12x", 100, 60, "'X' is not a digit"),
        ("1" * DIGITS, 100, 60, "0 digits wait already"),
        ("1", 39, 60, "duration_ms 39"),
        ("1", 10_001, 60, "duration_ms 10001"),
        ("1", 100, 49, "gap_ms 49"),
        ("1", 100, 10_001, "gap_ms 10001"),
    ],
)
def test_digits_that_cannot_be_sent(digits: str, duration: int, gap: int, named: str) -> None:
    worker = Worker()
    row = worker.open()
    with pytest.raises(BadRequestError, match=named):
        rows.queue_digits(worker.media, row, digits, duration, gap)
    assert worker.run(400) == []


def test_a_peer_that_takes_no_events() -> None:
    worker = Worker()
    row = worker.open(peer(events_payload_type=-1))
    with pytest.raises(BadRequestError, match="takes no telephone-events"):
        rows.queue_digits(worker.media, row, "1", 100, 60)
    rows.queue_digits(worker.media, row, "1", 100, 60, "inband")
    with pytest.raises(BadRequestError, match="method 'info' is not one of rfc4733, inband"):
        rows.queue_digits(worker.media, row, "1", 100, 60, "info")


def test_a_full_queue_refuses_until_digits_are_sent() -> None:
    worker = Worker()
    row = worker.open()
    rows.queue_digits(worker.media, row, "1" * (DIGITS - 1), 40, 50)
    with pytest.raises(BadRequestError, match=f"{DIGITS - 1} digits wait"):
        rows.queue_digits(worker.media, row, "2", 40, 50)
    worker.run(100)
    rows.queue_digits(worker.media, row, "2", 40, 50)


def test_quality_is_what_the_public_columns_say() -> None:
    worker = Worker()
    row = worker.open()
    for index, packet in enumerate(packets(speech(8000))):
        if index not in (5, 9):
            worker.arrive(row, packet, after=1 + 4 * index)
    worker.arrive(row, Rtp(0, 0, b"x"), after=30, port=PORT + 8)
    worker.run(200)
    quality = rows.quality(worker.media, row)
    counts = quality.packets_sent, quality.packets_received, quality.packets_lost
    assert (*counts, quality.packets_late, quality.strangers) == (50, 48, 2, 0, 1)
    assert quality.loss_percent == 4
    assert 3.9 < quality.mos < 4.1
    assert quality.mos_conversational == quality.mos  # nobody minds so little delay
    assert quality.mos_worst == 0  # it was shorter than five seconds
    assert 40 <= quality.frames_played <= 48
    assert isinstance(quality.packets_sent, int) and isinstance(quality.jitter_ms, float)
