import random

import numpy as np
import pytest

from bus.quality import Grade
from bus.streams import StreamEvent, StreamQuality
from mediaworker import rows
from mediaworker.media import Report
from mediaworker.net.address import words_of
from mediaworker.rtp.bursts import COUNTS, DISCARDED, LOST, RUN, lose
from mediaworker.rtp.rtcp import Block, middle, ntp_time, report
from mediaworker.stages.score import INTERVAL, SELDOM
from tests.mediaworker.virtual import HOST, PORT, SSRC, Rtp, Worker, peer

FRAME = bytes([0xD5]) * 160


def play(
    worker: Worker, row: int, pattern: str, first: int = 65500, swap: int = 0
) -> list[StreamEvent]:
    """Let packets come, one every 20 ms, but for those that are an ``x``; each 21st is late."""
    events: list[StreamEvent] = []
    for index, packet in enumerate(pattern):
        if packet != "x":
            late = swap if swap and index % 21 == 10 else 0
            number = first + index
            worker.arrive(row, Rtp(number, 160 * number, FRAME), after=1 + late)
        events += worker.run(4)
    return events


def counts(worker: Worker, row: int) -> list[int]:
    found: list[int] = worker.media.streams.bursts[row].tolist()
    return found


def expected(pattern: str) -> list[int]:
    found, after = [0] * COUNTS, 0
    for packet in pattern:
        if packet == "x":
            lose(found, after)
            after = 0
        else:
            after += 1
    found[RUN] += after
    return found


def test_a_good_stream_has_the_best_score_and_makes_no_event() -> None:
    worker = Worker()
    row = worker.open()
    assert not play(worker, row, "." * 600)
    assert worker.public("mos", row) == pytest.approx(4.41, abs=0.01)
    assert worker.public("mos_worst", row) == worker.public("mos", row)
    assert 4.3 < worker.public("mos_conversational", row) <= worker.public("mos", row)
    assert worker.public("loss_percent", row) == 0
    assert worker.public("burst_ms", row) == 0


def test_each_loss_is_counted_where_it_was() -> None:
    """Looks come at other times than losses, numbers wrap, and all bursts are found."""
    chance = random.Random(3)
    pattern = "..." + "".join(chance.choice("x" + "." * chance.choice((2, 30))) for _ in range(900))
    pattern += "." * 12
    worker = Worker()
    row = worker.open()
    play(worker, row, pattern)
    rows.quality(worker.media, row)  # the newest are counted, too
    assert counts(worker, row) == expected(pattern)
    assert worker.public("packets_lost", row) == pattern.count("x")


def test_what_is_only_out_of_order_is_not_lost() -> None:
    worker = Worker()
    row = worker.open()
    play(worker, row, "." * 500, swap=13)
    assert worker.public("packets_lost", row) == 0
    assert counts(worker, row)[LOST] == 0


def test_a_long_outage_is_one_burst() -> None:
    worker = Worker()
    row = worker.open()
    pattern = "." * 300 + "x" * 700 + "." * 300
    play(worker, row, pattern)
    assert counts(worker, row)[LOST] == 700
    rows.quality(worker.media, row)
    assert worker.public("burst_ms", row) == 14_000
    assert worker.public("burst_density", row) == 1


def test_bad_spells_make_events_and_good_ones_take_them_back() -> None:
    worker = Worker()
    row = worker.open()
    good, bad = "." * 900, "....x" * 180
    events = play(worker, row, good + bad + good)
    found = [each for each in events if isinstance(each, StreamQuality)]
    grades = [each.grade for each in found]
    assert (grades.count(Grade.POOR), grades[-1]) == (1, Grade.GOOD)
    assert len(grades) <= 4  # fair may be on the way
    poor = found[grades.index(Grade.POOR)]
    assert poor.stream == worker.stream(row)
    assert poor.loss_percent == pytest.approx(20, abs=1)
    assert worker.public("mos_worst", row) < 3
    assert worker.public("loss_percent_worst", row) == pytest.approx(20, abs=1)
    assert worker.public("mos", row) > 4.4


def test_events_are_rare_even_if_it_swings() -> None:
    worker = Worker()
    row = worker.open()
    ticks = list[int]()
    for part in range(24):
        events = play(worker, row, ("...x" if part % 2 else "....") * 62, first=part * 248)
        ticks += [worker.tick for each in events if isinstance(each, StreamQuality)]
    assert len(ticks) > 3
    assert all(np.diff(ticks) >= SELDOM - INTERVAL)


def test_the_delay_counts_for_conversations() -> None:
    worker = Worker()
    row = worker.open()
    ssrc = int(worker.media.streams.ssrc[row])
    play(worker, row, "." * 100)
    sent_at = (middle(ntp_time(worker.media.wall_ns)) - 65536 * 9 // 10) % 2**32
    datagram = report(SSRC, "x", None, (Block(ssrc, 0, 0, 0, 0, sent_at, 0),))
    worker.wire.reports.append(Report(row, datagram, words_of(HOST, PORT + 1)))
    play(worker, row, "." * 400, first=65600)
    assert worker.public("mos", row) > 4.4
    assert worker.public("round_trip_worst_ms", row) == pytest.approx(900, abs=10)
    assert worker.public("mos_conversational", row) < 3.6


def test_a_short_stream_is_scored_at_its_end() -> None:
    worker = Worker()
    row = worker.open()
    play(worker, row, "....x" * 10 + ".")
    assert worker.public("mos", row) == 0
    quality = rows.quality(worker.media, row)
    assert 1 < quality.mos < 3
    assert quality.loss_percent == pytest.approx(100 * 10 / 51)


def test_the_end_scores_all_of_a_stream() -> None:
    worker = Worker()
    row = worker.open()
    play(worker, row, "...x" * 125 + "." * 1500)
    assert worker.public("mos", row) > 4.4
    quality = rows.quality(worker.media, row)
    assert quality.mos < 4.2
    assert quality.mos_worst < 2.5


def test_a_stream_that_is_never_heard_has_no_score() -> None:
    worker = Worker()
    row = worker.open()
    worker.run(3000)
    assert rows.quality(worker.media, row).mos == 0


def test_another_source_begins_anew() -> None:
    worker = Worker()
    row = worker.open()
    play(worker, row, "." * 300)
    for number in range(300):
        worker.arrive(row, Rtp(9000 + number, 160 * number, FRAME, ssrc=9))
        worker.run(4)
    assert counts(worker, row)[LOST] == 0
    assert 530 < counts(worker, row)[RUN] < 600  # the last of the first are not judged


def test_silence_is_not_scored() -> None:
    worker = Worker()
    row = worker.open()
    play(worker, row, "..." + "...x" * 200)
    worker.run(INTERVAL + 100)
    before = worker.public("mos", row)
    worker.run(5 * INTERVAL)
    assert worker.public("mos", row) == before > 0


def test_late_packets_count_as_lost_ones() -> None:
    worker = Worker()
    row = worker.open(peer())
    worker.media.streams.heard_any[row] = True
    worker.media.public.packets_late[row] = 0
    play(worker, row, "." * 300)
    worker.media.public.packets_late[row] += np.uint64(20)
    play(worker, row, "." * 300, first=65800)
    assert counts(worker, row)[DISCARDED] == 20
    assert worker.public("mos", row) < 4.0
