import itertools
import random

import pytest

from mediaworker import rows
from mediaworker.media import Report
from mediaworker.net.address import words_of
from mediaworker.rtp.rtcp import (
    Block,
    Compound,
    SenderInfo,
    extended,
    goodbye,
    middle,
    ntp_time,
    parse,
    report,
)
from mediaworker.rtp.rtcp_xr import UNKNOWN, Answer, Extended, VoipMetrics
from mediaworker.stages.report import FIRST, INTERVAL
from tests.mediaworker.virtual import HOST, PORT, SSRC, Worker, packets, peer, speech


def reports(worker: Worker, row: int = 0) -> list[Compound]:
    found = [parse(each.datagram) for each in worker.wire.sent_reports if each.row == row]
    return [each for each in found if each is not None]


def hear(worker: Worker, row: int, datagram: bytes, host: str = HOST) -> None:
    worker.wire.reports.append(Report(row, datagram, words_of(host, PORT + 1)))
    while worker.wire.reports:
        worker.run(1)


def block_for(worker: Worker, row: int, last_report: int = 0, delay: int = 0) -> Block:
    return Block(int(worker.media.streams.ssrc[row]), 0, 17, 99, 80, last_report, delay)


def test_a_sender_report_says_what_was_sent() -> None:
    worker = Worker()
    row = worker.open()
    worker.run(FIRST + INTERVAL)
    first = reports(worker)[0]
    sent = worker.sent(row)
    assert first.ssrc == sent[0].ssrc
    sender = first.sender
    assert sender is not None
    index = sender.packets - 1
    assert sender.octets == 160 * sender.packets
    assert (sender.timestamp - sent[index].timestamp) % 2**32 == 160
    tick = worker.wire.sent[row][index].tick
    assert sender.ntp == ntp_time(worker.media.wall_ns - (worker.tick - tick) * 5_000_000)
    assert first.blocks == ()


def test_reports_are_five_seconds_apart_on_the_average_and_never_alike() -> None:
    worker = Worker()
    row = worker.open()
    ticks = list[int]()
    for _ in range(20_000):
        before = len(worker.wire.sent_reports)
        worker.run(1)
        if len(worker.wire.sent_reports) > before:
            ticks.append(worker.tick)
    gaps = [later - earlier for earlier, later in itertools.pairwise(ticks)]
    assert 0.8 < sum(gaps) / len(gaps) / INTERVAL < 1.2
    assert min(gaps) >= INTERVAL / 2 - 4
    assert max(gaps) <= INTERVAL * 3 / 2 + 4
    assert len(set(gaps)) > len(gaps) / 2
    assert worker.public("packets_sent", row) == 5_000


def test_who_does_not_send_reports_as_a_receiver() -> None:
    worker = Worker()
    worker.open(peer(send=False))
    worker.run(2 * INTERVAL)
    assert all(each.sender is None for each in reports(worker))
    assert reports(worker)


def test_losses_are_reported_since_the_last_report_and_in_all() -> None:
    worker = Worker()
    row = worker.open(peer(send=False))
    worker.media.streams.report_due[row] = 400
    for index, packet in enumerate(packets(speech(160 * 400))):
        lost = index < 98 and index % 4 == 3
        if not lost:
            worker.arrive(row, packet, after=1 + 4 * index)
    worker.run(1600)
    first, second = (each.blocks[0] for each in reports(worker)[:2])
    expected = first.highest - 65500 + 1
    assert expected in range(99, 103)
    assert (first.ssrc, first.lost, first.fraction_lost) == (SSRC, 24, 24 * 256 // expected)
    assert (second.lost, second.fraction_lost) == (24, 0)


def test_duplicates_can_make_losses_negative() -> None:
    worker = Worker()
    row = worker.open()
    for index, packet in enumerate(packets(speech(16000))):
        worker.arrive(row, packet, after=1 + 4 * index)
        worker.arrive(row, packet, after=2 + 4 * index)
    worker.run(2 * INTERVAL)
    block = reports(worker)[0].blocks[0]
    assert (block.lost, block.fraction_lost) == (-100, 0)


def test_the_peers_report_is_answered_with_its_time_and_our_delay() -> None:
    worker = Worker()
    row = worker.open()
    for packet in packets(speech(160)):
        worker.arrive(row, packet)
    worker.run(1)
    hear(worker, row, report(SSRC, "x", SenderInfo(0x1122334455667788, 0, 0, 0), ()))
    heard_at = worker.tick
    while not worker.wire.sent_reports:
        worker.run(1)
    block = reports(worker)[0].blocks[0]
    assert block.last_report == 0x33445566
    assert block.delay == (worker.tick - heard_at) * 65536 // 200


def test_what_the_peer_says_of_us() -> None:
    worker = Worker()
    row = worker.open()
    worker.run(200)
    delay = 65536 // 2
    sent_at = (middle(ntp_time(worker.media.wall_ns)) - delay - 65536 // 20) % 2**32
    hear(worker, row, report(SSRC, "x", None, (block_for(worker, row, sent_at, delay),)))
    assert worker.public("remote_lost", row) == 17
    assert worker.public("remote_jitter_ms", row) == 10
    assert worker.public("round_trip_ms", row) == pytest.approx(50 + 10, abs=0.1)


@pytest.mark.parametrize(
    ("last_report", "delay"), [(0, 0), (1, 0), (0xFFFFFFFF, 0xFFFFFFFF), (1, 0xFFFFFFFF)]
)
def test_absurd_times_are_no_round_trip(last_report: int, delay: int) -> None:
    worker = Worker()
    row = worker.open()
    hear(worker, row, report(SSRC, "x", None, (block_for(worker, row, last_report, delay),)))
    assert worker.public("round_trip_ms", row) == 0


def test_reports_of_others_and_of_strangers_do_not_count() -> None:
    worker = Worker()
    row = worker.open()
    block = block_for(worker, row)
    hear(worker, row, report(SSRC, "x", None, (block._replace(ssrc=block.ssrc ^ 1),)))
    hear(worker, row, report(SSRC, "x", None, (block,)), host="198.51.100.1")
    hear(worker, row, b"garbage")
    hear(worker, row, goodbye(SSRC))
    assert worker.public("remote_lost", row) == 0


def test_goodbye_at_the_end() -> None:
    worker = Worker()
    row = worker.open()
    worker.run(100)
    last = parse(rows.close(worker.media, row, worker.now_ns))
    assert last is not None
    assert last.goodbyes == (worker.sent(row)[0].ssrc,)
    assert last.sender is not None and last.sender.packets == 25


def test_reports_go_on_while_held() -> None:
    worker = Worker()
    worker.open(peer(send=False, receive=False))
    worker.run(2 * INTERVAL)
    assert reports(worker)


def extended_of(worker: Worker, row: int) -> Extended:
    return reports(worker, row)[-1].extended


def test_an_extended_report_says_how_well_the_peer_is_heard() -> None:
    worker = Worker()
    row = worker.open()
    for index, packet in enumerate(packets(speech(160 * 600))):
        if index % 10 != 9:
            worker.arrive(row, packet, after=1 + 4 * index)
    worker.run(2400)
    (metrics,) = extended_of(worker, row).metrics
    assert metrics.ssrc == SSRC
    assert metrics.loss_rate == pytest.approx(25.6, abs=1)
    assert metrics.discard_rate == 0
    assert metrics.burst_density == pytest.approx(26, abs=4)
    assert metrics.gmin == 16
    assert metrics.end_system_ms in range(20, 200)
    assert metrics.mos_lq == round(worker.public("mos", row) * 10)
    assert metrics.mos_cq == round(worker.public("mos_conversational", row) * 10)
    assert metrics.r_factor in range(60, 80)
    assert (metrics.noise_level, metrics.external_r_factor) == (UNKNOWN, UNKNOWN)


def test_before_there_is_a_score_it_is_not_known() -> None:
    worker = Worker()
    row = worker.open()
    worker.arrive(row, packets(speech(160))[0])
    worker.media.streams.report_due[row] = 10
    worker.run(20)
    (metrics,) = extended_of(worker, row).metrics
    assert (metrics.r_factor, metrics.mos_lq, metrics.mos_cq) == (UNKNOWN,) * 3


def test_who_hears_nothing_and_sends_has_nothing_more_to_say() -> None:
    worker = Worker()
    row = worker.open()
    worker.run(FIRST + INTERVAL)
    assert extended_of(worker, row) == Extended()


def test_who_only_listens_measures_the_round_trip_all_the_same() -> None:
    worker = Worker()
    row = worker.open(peer(send=False))
    worker.run(FIRST + INTERVAL)
    reference = extended_of(worker, row).reference
    assert reference
    sent = worker.wire.sent_reports[-1]
    assert sent.row == row
    ssrc = int(worker.media.streams.ssrc[row])
    sent_at = (middle(ntp_time(worker.media.wall_ns)) - 65536 // 4) % 2**32
    answer = Answer(ssrc, sent_at, 65536 // 5)
    foreign = Answer(ssrc ^ 1, sent_at, 0)
    hear(worker, row, report(SSRC, "x", None, ()) + extended(SSRC, Extended(0, (answer, foreign))))
    assert worker.public("round_trip_ms", row) == pytest.approx(50 + 10, abs=0.1)


def test_the_peers_reference_time_is_answered() -> None:
    worker = Worker()
    row = worker.open()
    worker.arrive(row, packets(speech(160))[0])
    worker.run(1)
    reference = Extended(0x1122334455667788)
    hear(worker, row, report(SSRC, "x", None, ()) + extended(SSRC, reference))
    heard_at = worker.tick
    while not worker.wire.sent_reports:
        worker.run(1)
    (answer,) = extended_of(worker, row).answers
    delay = (worker.tick - heard_at) * 65536 // 200
    assert answer == Answer(SSRC, 0x33445566, delay)


@pytest.mark.parametrize(("score", "known"), [(42, 4.2), (9, 0), (51, 0), (UNKNOWN, 0)])
def test_how_the_peer_scores_us(score: int, known: float) -> None:
    worker = Worker()
    row = worker.open()
    ssrc = int(worker.media.streams.ssrc[row])
    other = VoipMetrics(ssrc ^ 1, 0, 0, 0, 0, 0, 0, mos_lq=11)
    metrics = VoipMetrics(ssrc, 0, 0, 0, 0, 0, 0, mos_lq=score)
    blocks = Extended(metrics=(metrics, other))
    hear(worker, row, report(SSRC, "x", None, ()) + extended(SSRC, blocks))
    assert worker.public("remote_mos", row) == pytest.approx(known)


def test_what_the_peer_lost_lately() -> None:
    worker = Worker()
    row = worker.open()
    block = block_for(worker, row)._replace(fraction_lost=64)
    hear(worker, row, report(SSRC, "x", None, (block,)))
    assert worker.public("remote_loss_percent", row) == 25


@pytest.mark.parametrize(
    ("codec", "clock", "milliseconds"), [("PCMA", 8000, 10), ("L16", 16000, 5)]
)
def test_jitter_is_in_units_of_the_clock(codec: str, clock: int, milliseconds: float) -> None:
    worker = Worker()
    row = worker.open(peer(codec=codec, clock=clock, payload_type=98, receive_payload_type=98))
    hear(worker, row, report(SSRC, "x", None, (block_for(worker, row),)))
    assert worker.public("remote_jitter_ms", row) == milliseconds


def test_a_goodbye_is_noted() -> None:
    worker = Worker()
    row = worker.open()
    hear(worker, row, report(SSRC, "x", None, ()))
    assert worker.media.streams.goodbye_ssrc[row] == 0
    assert worker.media.streams.report_heard_at[row] == worker.tick
    hear(worker, row, report(SSRC, "x", None, ()) + goodbye(SSRC))
    assert worker.media.streams.goodbye_ssrc[row] == SSRC


def test_mutated_reports_do_no_harm() -> None:
    """A hundred thousand, in one stream; what they may say is bounded, too."""
    worker, chance = Worker(), random.Random(4)
    row = worker.open()
    worker.arrive(row, packets(speech(160))[0])
    worker.run(2)
    ssrc = int(worker.media.streams.ssrc[row])
    metrics = VoipMetrics(ssrc, 1, 2, 3, 4, 5, 6, mos_lq=40)
    blocks = Extended(1 << 40, (Answer(ssrc, 7, 8),) * 2, (metrics,))
    whole = report(SSRC, "cname", SenderInfo(1 << 40, 1, 2, 3), (block_for(worker, row),) * 2)
    whole += extended(SSRC, blocks) + goodbye(SSRC)
    source = words_of(HOST, PORT + 1)
    for _ in range(100):
        worker.wire.reports = [Report(row, mutated(whole, chance), source) for _ in range(1000)]
        worker.run(1)
        assert 0 <= worker.public("round_trip_ms", row) < 60_000
        assert 0 <= worker.public("remote_loss_percent", row) <= 100
        assert worker.public("remote_mos", row) <= 5
    worker.run(FIRST + INTERVAL)
    assert reports(worker)[-1].sender is not None


def mutated(whole: bytes, chance: random.Random) -> bytes:
    content = bytearray(whole)
    for _ in range(chance.choice((0, 1, 1, 2, 8))):
        content[chance.randrange(len(content))] = chance.choice((0, 1, 0x7F, 0xFF, 0xCF, 0x80))
    begin = chance.choice((0, 0, 0, 4, 8, 60))
    return bytes(content[begin : chance.choice((len(content), chance.randrange(len(content))))])
