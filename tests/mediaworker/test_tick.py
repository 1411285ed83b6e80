from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from bus.audio_rings import AudioRings
from bus.columns import Column
from bus.streams import StreamDigit, StreamDigitsSent, StreamPlayFinished
from bus.tables import PublicStreams
from mediaworker import connecting, lending, rows, sounding
from mediaworker.codecs.g711 import ULAW
from mediaworker.media import Media, Report
from mediaworker.rtp.rtcp import (
    Block,
    SenderInfo,
    extended,
    goodbye,
    middle,
    ntp_time,
    report,
)
from mediaworker.rtp.rtcp_xr import Answer, Extended, VoipMetrics
from mediaworker.sources.dtmf import pair
from mediaworker.streams import Recordings, Rows, Streams
from mediaworker.tick import PIPELINE, Stage, batches, due_rows
from tests.mediaworker.secure import FarEnd, secure_peer
from tests.mediaworker.talking import room
from tests.mediaworker.virtual import Rtp, Worker, packets, peer, said, speech

VIEWS = {"packet": ("header", "payload"), "slots": ("datagrams",)}
"""Columns that stages write through views of their parts."""
TABLES = {"public": PublicStreams, "recordings": Recordings, "audio": AudioRings}
ELSEWHERE = {"reports_sealed", "recordings.read", "audio.said", "audio.said_written"}
"""Written as reports are sent, by the files process, by applications."""


def names() -> list[str]:
    """Return all columns by the names that stages declare."""
    private = [part for name in Streams.columns for part in VIEWS.get(name, (name,))]
    return private + [f"{table}.{name}" for table, kind in TABLES.items() for name in kind.columns]


def columns(media: Media) -> dict[str, Column[np.generic]]:
    found: dict[str, Column[np.generic]] = {}
    for name in names():
        table, _, column = name.rpartition(".")
        found[name] = getattr(getattr(media, table or "streams"), column)
    return found


def busy() -> Worker:
    """Return a worker to which everything is going to happen."""
    worker = Worker(streams=16)
    sounding.play_echo(worker.media, worker.open(peer(codec="PCMA", ptime_ms=40)))
    sounding.play_pool(worker.media, worker.open(), 0, 700, loop=True)
    sounding.play_pool(worker.media, worker.open(), 0, 100, loop=False)
    sounding.play_leg(worker.media, worker.open(), 0)
    worker.open(peer(send=False))
    worker.open()
    worker.open(peer(codec="opus", clock=48000, payload_type=111, parameters="usedtx=1"))
    worker.open(peer(noise_payload_type=13))
    tones = worker.open(peer(events_payload_type=-1))
    for index, packet in enumerate(packets(ULAW.encode(np.tile(pair("5")[:1600:2], 4)))):
        worker.arrive(tones, packet, after=2 + 4 * index)
    for row in range(6):
        rows.watch(worker.media, row, on=True)
    lending.open_audio(worker.media, 2, 16000)
    sounding.play_application(worker.media, 2)
    worker.media.audio.said_written[0] = 1000
    worker.media.audio.said[0] = 1
    wide = worker.open(peer(codec="L16", clock=16000, payload_type=96, receive_payload_type=96))
    connecting.enter(worker.media, wide, room(worker), 1.0)
    connecting.turn(worker.media, wide, 2.0, 0.5)
    rows.record(worker.media, wide, 6)
    rows.record(worker.media, 0, 5)
    rows.record(worker.media, 1, 0)
    rows.queue_digits(worker.media, 1, "12", 100, 60)
    rows.queue_digits(worker.media, 1, "3", 100, 60, "inband")
    for row in range(5):
        for index, packet in enumerate(packets(speech(3200), sequence=10)):
            if index != 4:
                worker.arrive(row, packet, after=1 + 4 * index)
        for index in range(3):
            packet = Rtp(30 + index, 4000, bytes([5, 0, 3, 32]), 101)
            worker.arrive(row, packet, after=80 + 4 * index)
        worker.arrive(row, b"garbage", after=22)
        worker.arrive(row, packets(speech(160), sequence=11)[0], after=30)
        worker.arrive(row, packets(speech(3200), sequence=10)[4], after=60)
        worker.arrive(row, Rtp(33, 4800, bytes([40]), 13), after=110)
    worker.arrive(0, Rtp(900, 99, bytes(160), ssrc=5), after=120)
    _protect(worker)
    worker.media.streams.report_due[:5] = 90  # the first is due after some seconds
    worker.media.streams.score_due[:5] = 90  # and so is this
    worker.media.streams.grade[0] = 2
    worker.media.patience = 60
    for index in range(5):  # the last stream hears its peer from elsewhere
        worker.arrive(5, Rtp(index, 99, bytes(160)), after=4 * index + 1, port=9)
    return worker


def _protect(worker: Worker) -> None:
    """Let a stream with SRTP hear packets, reports, and what is to be refused."""
    row, far = worker.open(secure_peer()), FarEnd()
    datagrams = far.protected(packets(speech(3200), sequence=10))
    for index, datagram in enumerate([*datagrams, datagrams[0], bytes([0x80]) * 99]):
        worker.arrive(row, datagram, after=1 + 4 * index)
    high, low, port = worker.media.streams.peer[row].tolist()
    sealed = far.out.protect_rtcp(report(7, "x", None, ()))
    worker.wire.reports.append(Report(row, sealed, (high, low, port + 1)))


def report_to(worker: Worker, row: int, last_report: int) -> Report:
    source = worker.media.streams.peer[row].tolist()
    block = Block(int(worker.media.streams.ssrc[row]), 0, 3, 0, 80, last_report, 0)
    trip = Answer(block.ssrc, last_report, 0)
    metrics = VoipMetrics(block.ssrc, 0, 0, 0, 0, 0, 0, mos_lq=42)
    datagram = report(7, "x", SenderInfo(1 << 40, 0, 0, 0), (block,)) + goodbye(7)
    datagram += extended(7, Extended(1 << 40, (trip,), (metrics,)))
    return Report(row, datagram, tuple(source))


def protected(worker: Worker, writable: Callable[[Stage], frozenset[str]]) -> None:
    """Run everything with all columns protected but those that ``writable`` names for a stage."""
    media = worker.media
    for _ in range(260):
        worker.tick += 1
        media.tick, media.now_ns, media.wall_ns = worker.tick, worker.now_ns, worker.now_ns
        worker.deliver()
        if worker.tick in (200, 210):
            worker.wire.reports.append(report_to(worker, 0, middle(ntp_time(worker.now_ns))))
        worker.wire.receive(media)
        for step in (arrive, work, look):
            due = due_rows(media)
            for stage in PIPELINE:
                protect(media, writable(stage))
                step(stage, media, due)
        protect(media, frozenset(names()))


def protect(media: Media, writable: frozenset[str]) -> None:
    for name, column in columns(media).items():
        column.flags.writeable = name in writable
    for view in ("jitter", "taps", "sounds", "heard_rings", "said_rings"):
        vars(media).pop(view, None)  # made again, as writable as their columns are now


def arrive(stage: Stage, media: Media, due: Rows) -> None:
    if stage.on_reports is not None:
        stage.on_reports(media)
    if stage.on_wave is not None:
        for wave in media.waves:
            stage.on_wave(media, wave)
    if stage.on_jump is not None and media.tick == 50:
        stage.on_jump(media, due)


def work(stage: Stage, media: Media, due: Rows) -> None:
    if stage.on_batch is not None and len(due):
        for batch in batches(media, due):
            stage.on_batch(media, batch)


def look(stage: Stage, media: Media, due: Rows) -> None:
    if stage.on_look is not None and media.tick % 50 == 0:
        stage.on_look(media, np.arange(6))


def test_a_stage_writes_only_its_columns() -> None:
    protected(busy(), lambda stage: stage.writes)


DECLARED = [(stage, name) for stage in PIPELINE for name in sorted(stage.writes)]


@pytest.mark.parametrize(("stage", "name"), DECLARED, ids=lambda each: getattr(each, "name", each))
def test_a_stage_writes_all_its_columns(stage: Stage, name: str) -> None:
    """Otherwise it declares too much, or ``busy`` is too idle to test it."""
    with pytest.raises(ValueError, match="read-only"):
        protected(busy(), lambda each: each.writes - ({name} if each is stage else set()))


def test_each_column_has_one_writer() -> None:
    writers = Counter(name for stage in PIPELINE for name in stage.writes)
    writers.update(rows.OWN | lending.OWN | connecting.OWN)
    writers.update(ELSEWHERE)
    assert dict(writers) == dict.fromkeys(names(), 1)


def test_audio_comes_back_sample_by_sample_30_ms_later() -> None:
    worker = Worker()
    row = worker.open()
    sounding.play_echo(worker.media, row)
    codes = speech(8000)
    for index, packet in enumerate(packets(codes)):
        worker.arrive(row, packet, after=10 + 4 * index)
    worker.run(400)
    sent = worker.sent(row)
    audio = said(sent)
    begin = audio.index(codes[:160].tobytes())
    assert audio[begin : begin + 8000] == codes.tobytes()
    assert set(audio[:begin] + audio[begin + 8000 + 800 :]) == {0xFF}
    ticks = [each.tick for each in worker.wire.sent[row]]
    assert ticks[begin // 160] - 10 == 6
    assert worker.public("frames_played", row) == 50


def test_numbers_and_times_of_packets_are_continuous() -> None:
    worker = Worker()
    row = worker.open()
    worker.run(400)
    sent = worker.sent(row)
    assert [packet.sequence - sent[0].sequence for packet in sent] == list(range(100))
    assert [packet.timestamp - sent[0].timestamp for packet in sent] == list(range(0, 16000, 160))
    assert [packet.marker for packet in sent] == [True] + [False] * 99
    assert np.diff([each.tick for each in worker.wire.sent[row]]).tolist() == [4] * 99
    assert worker.public("packets_sent", row) == 100


@pytest.mark.parametrize("ptime", [10, 20, 30, 40, 50, 60])
@pytest.mark.parametrize("length", [10, 20, 30, 40, 50, 60])
def test_any_packet_times_go_together(ptime: int, length: int) -> None:
    worker = Worker()
    row = worker.open(peer(ptime_ms=ptime))
    sounding.play_echo(worker.media, row)
    codes = speech(24000)
    for index, packet in enumerate(packets(codes, 8 * length)):
        worker.arrive(row, packet, after=10 + index * length // 5)
    worker.run(700)
    sent = worker.sent(row)
    assert {len(packet.payload) for packet in sent} == {8 * ptime}
    assert codes.tobytes() in said(sent)
    assert worker.public("packets_late", row) == 0


def test_packets_of_odd_and_changing_lengths() -> None:
    worker = Worker()
    row = worker.open()
    sounding.play_echo(worker.media, row)
    codes, begin, sequence = speech(24000), 0, 0
    for size in [160, 40, 120, 33, 287, 80, 480, 1, 79] * 15:
        packet = Rtp(sequence, begin, codes[begin : begin + size].tobytes())
        worker.arrive(row, packet, after=10 + begin // 40)
        begin, sequence = begin + size, sequence + 1
    worker.run(500)
    assert codes[:begin].tobytes() in said(worker.sent(row))


def test_streams_of_all_kinds_do_not_disturb_each_other() -> None:
    worker = Worker(streams=64)
    codes = [speech(4000, seed) for seed in range(40)]
    for number in range(40):
        row = worker.open(peer(codec=("PCMU", "PCMA")[number % 2], port=4000 + 2 * number))
        sounding.play_echo(worker.media, row)
        for index, packet in enumerate(packets(codes[number])):
            law = 8 if number % 2 else 0
            late = packet._replace(payload_type=law, ssrc=number)
            worker.arrive(row, late, after=5 + number % 7 + 4 * index, port=4000 + 2 * number)
    worker.run(200)
    for row in range(40):
        expected = codes[row].tobytes()
        if row % 2 == 0:
            assert expected in said(worker.sent(row))
        assert worker.public("frames_played", row) == 25
        assert worker.public("packets_strange", row) == 0


def test_not_sending_is_no_packets_and_not_receiving_no_sound() -> None:
    worker = Worker()
    silent, deaf = worker.open(peer(send=False)), worker.open(peer(receive=False))
    sounding.play_echo(worker.media, deaf)
    for row in (silent, deaf):
        for index, packet in enumerate(packets(speech(1600))):
            worker.arrive(row, packet, after=5 + 4 * index)
    worker.run(100)
    assert not worker.sent(silent)
    assert set(said(worker.sent(deaf))) == {0xFF}
    assert (
        worker.public("packets_received", silent) == worker.public("packets_received", deaf) == 10
    )
    assert worker.public("frames_played", silent) == 10
    assert worker.public("frames_played", deaf) == 0


def test_a_held_stream_goes_on_where_it_was() -> None:
    worker = Worker()
    row = worker.open()
    worker.media.pool[:1600] = np.arange(1600) * 20
    sounding.play_pool(worker.media, row, 0, 1600, loop=False)
    worker.run(20)
    rows.aim(worker.media, row, peer(send=False))
    assert worker.run(40) == []
    assert len(worker.sent(row)) == 5
    rows.aim(worker.media, row, peer())
    assert StreamPlayFinished(stream=worker.stream(row)) in worker.run(20)
    sent = worker.sent(row)
    assert [packet.marker for packet in sent] == [True, *[False] * 4, True, *[False] * 4]
    assert np.diff([packet.sequence for packet in sent]).tolist() == [1] * 9
    assert sent[5].timestamp - sent[4].timestamp == 160 + 40 * 40
    assert len({packet.payload for packet in sent}) == 10


def test_missed_ticks_are_made_up_for() -> None:
    worker = Worker()
    row = worker.open()
    worker.run(20)
    worker.jump(14)
    worker.run(20)
    sent = worker.sent(row)
    assert np.diff([packet.timestamp for packet in sent]).tolist() == [160] * (len(sent) - 1)
    assert len(sent) == 14


def test_what_is_too_late_is_skipped_and_marked() -> None:
    worker = Worker()
    row = worker.open()
    worker.run(20)
    worker.jump(100)
    worker.run(20)
    sent = worker.sent(row)
    steps = np.diff([packet.timestamp for packet in sent])
    assert sorted(set(steps.tolist())) == [160, 160 + 20 * 160]
    assert np.diff([packet.sequence for packet in sent]).tolist() == [1] * (len(sent) - 1)
    assert [index for index, packet in enumerate(sent) if packet.marker] == [0, 5]
    now = sent[-1].timestamp - sent[0].timestamp
    assert now == 40 * (worker.wire.sent[row][-1].tick - worker.wire.sent[row][0].tick)


def test_a_row_is_due_just_after_its_packets_come() -> None:
    worker = Worker()
    for arrival in range(4):
        row = worker.open()
        for index, packet in enumerate(packets(speech(16000))):
            worker.arrive(row, packet, after=20 - worker.tick % 4 + arrival + 4 * index)
    worker.run(100)
    due = worker.media.streams.due[:4] % 4
    assert due.tolist() == [2, 2, 0, 0]
    for row in range(4):
        gaps = np.diff([each.tick for each in worker.wire.sent[row]]).tolist()
        assert all(gap == 4 for gap in gaps[8:])
        assert 4 <= max(gaps) < 8


def test_events_come_out_once() -> None:
    worker = Worker()
    row = worker.open()
    rows.queue_digits(worker.media, row, "5", 100, 60)
    for index in range(5):
        worker.arrive(row, Rtp(index, 80, bytes([1, 128, 3, 32]), 101), after=4 * index + 1)
    events = worker.run(200)
    stream = worker.stream(row)
    assert events == [
        StreamDigit(stream=stream, digit="1", duration_ms=100),
        StreamDigitsSent(stream=stream),
    ]
