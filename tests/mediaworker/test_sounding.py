"""A source is held and goes on; what waits is in columns, and the wire does not notice."""

import numpy as np
import pytest

from bus.streams import StreamPlayFinished
from mediaworker import rows, sounding
from mediaworker.streams import FRAME, Kind
from tests.mediaworker.virtual import Rtp, Worker, packets, peer, said, speech

OWN, TUNE = 1000, 9000
"""Offsets in the pool."""


def playing(samples: int = 1600, *, loop: bool = False, ptime: int = 20) -> tuple[Worker, int]:
    """Return a worker with a stream that plays, and the row."""
    worker = Worker()
    worker.media.pool[OWN : OWN + samples] = 100 + np.arange(samples) % 16000 * 16
    worker.media.pool[TUNE : TUNE + 400] = -8000
    row = worker.open(peer(ptime_ms=ptime))
    sounding.play_pool(worker.media, row, OWN, samples, loop=loop)
    return worker, row


def hold(worker: Worker, row: int, *, loop: bool = True) -> None:
    sounding.play_pool(worker.media, row, TUNE, 400, loop=loop, over=True)


TUNE_CODE = 0x20
"""-8000 in u-law."""


def own(audio: bytes) -> bytes:
    """Return the audio without the tune and the silence."""
    return bytes(code for code in audio if code not in (TUNE_CODE, 0xFF))


def unheld(ticks: int, samples: int = 1600) -> bytes:
    worker, row = playing(samples)
    worker.run(ticks)
    return own(said(worker.sent(row)))


@pytest.mark.parametrize("before", [0, 1, 13, 22])
def test_a_held_sound_goes_on_at_the_very_sample(before: int) -> None:
    worker, row = playing()
    worker.run(before)
    hold(worker, row)
    assert worker.run(60) == []
    sounding.resume(worker.media, row)
    events = worker.run(60)
    audio = said(worker.sent(row))
    assert own(audio) == unheld(80)
    assert audio.count(TUNE_CODE) == 15 * FRAME
    assert events == [StreamPlayFinished(stream=worker.stream(row))]


def test_a_loop_keeps_its_phase() -> None:
    worker, row = playing(700, loop=True)
    worker.run(22)
    hold(worker, row)
    worker.run(20)
    sounding.resume(worker.media, row)
    worker.run(20)
    audio = own(said(worker.sent(row)))
    turn = said(worker.sent(row))[:700]
    assert audio == (turn * 9)[: len(audio)]


@pytest.mark.parametrize("ptime", [10, 20, 60])
def test_the_wire_does_not_notice(ptime: int) -> None:
    worker, row = playing(ptime=ptime)
    for turn in range(6):
        worker.run(17)
        if turn % 2:
            sounding.resume(worker.media, row)
        else:
            hold(worker, row)
    sent = worker.sent(row)
    assert len({packet.ssrc for packet in sent}) == 1
    assert set(np.diff([packet.sequence for packet in sent]).tolist()) == {1}
    assert set(np.diff([packet.timestamp for packet in sent]).tolist()) == {8 * ptime}
    assert set(np.diff([each.tick for each in worker.wire.sent[row]]).tolist()) == {ptime // 5}
    assert [packet.marker for packet in sent].count(True) == 1


def test_holding_again_changes_the_tune_and_one_resume_ends_it() -> None:
    worker, row = playing()
    worker.run(10)
    hold(worker, row)
    worker.run(10)
    sounding.play_silence(worker.media, row, over=True)
    worker.run(10)
    assert set(worker.sent(row)[-1].payload) == {0xFF}
    sounding.resume(worker.media, row)
    worker.run(60)
    assert own(said(worker.sent(row))) == unheld(80)


def test_a_source_set_during_a_hold_begins_when_it_is_resumed() -> None:
    worker, row = playing()
    worker.run(10)
    hold(worker, row)
    sounding.play_pool(worker.media, row, OWN, 320, loop=False)
    assert worker.run(30) == []
    assert set(worker.sent(row)[-1].payload) == {TUNE_CODE}
    sounding.resume(worker.media, row)
    assert len(worker.run(20)) == 1
    assert said(worker.sent(row)).rstrip(b"\xff").endswith(unheld(80)[:320])


def test_the_end_of_a_tune_is_not_told_and_then_it_is_silent() -> None:
    worker, row = playing()
    hold(worker, row, loop=False)
    assert worker.run(40) == []
    assert said(worker.sent(row)).rstrip(b"\xff") == bytes([TUNE_CODE]) * 400


def test_an_end_told_before_a_hold_is_not_told_again() -> None:
    worker, row = playing(320)
    assert len(worker.run(30)) == 1
    hold(worker, row)
    worker.run(10)
    sounding.resume(worker.media, row)
    assert worker.run(30) == []
    assert set(worker.sent(row)[-1].payload) == {0xFF}


def test_a_resume_without_a_hold_changes_nothing() -> None:
    worker, row = playing()
    worker.run(10)
    sounding.resume(worker.media, row)
    worker.run(60)
    assert said(worker.sent(row))[:1600] == unheld(80)


def test_a_tune_waits_too_while_the_peer_lets_us_not_send() -> None:
    worker, row = playing()
    worker.run(10)
    hold(worker, row)
    rows.aim(worker.media, row, peer(send=False))
    worker.run(30)
    sounding.resume(worker.media, row)
    rows.aim(worker.media, row, peer())
    worker.run(60)
    assert own(said(worker.sent(row))) == unheld(80)
    assert TUNE_CODE not in said(worker.sent(row))


def test_what_is_live_goes_on_live() -> None:
    worker = Worker()
    row = worker.open()
    sounding.play_echo(worker.media, row)
    codes = speech(16000)
    for index, packet in enumerate(packets(codes)):
        worker.arrive(row, packet, after=1 + 4 * index)
    worker.run(100)
    sounding.play_silence(worker.media, row, over=True)
    worker.run(100)
    assert set(worker.sent(row)[-1].payload) == {0xFF}
    sounding.resume(worker.media, row)
    worker.run(100)
    assert codes.tobytes().find(worker.sent(row)[-1].payload) > 11000


@pytest.mark.parametrize("over", [False, True])
def test_a_leg_that_is_gone_is_silent_also_if_it_waits(over: bool) -> None:
    worker = Worker()
    row, other = worker.open(), worker.open()
    sounding.play_leg(worker.media, row, other)
    if over:
        hold(worker, row)
    rows.close(worker.media, other, worker.now_ns)
    sounding.resume(worker.media, row)
    assert worker.media.streams.source_kind[row] == Kind.SILENCE


def test_a_recording_hears_both_through_a_hold() -> None:
    worker, row = playing()
    rows.record(worker.media, row, 3)
    hold(worker, row)
    for index, packet in enumerate(packets(speech(4800))):
        worker.arrive(row, packet, after=1 + 4 * index)
    worker.run(80)
    frames = worker.media.recordings.ring[3, :20]
    assert worker.media.recordings.written[3] == 20
    assert {int(sample) for sample in np.unique(frames[:, 0])} == {-8000}
    assert frames[:, 1].any()


def test_a_successor_finds_all_of_it_in_the_tables() -> None:
    """Two workers, the second with nothing but the tables of the first."""
    worker, row = playing()
    worker.run(13)
    hold(worker, row)
    worker.run(20)
    successor = Worker()
    for table in ("streams", "public"):
        old, new = getattr(worker.media, table), getattr(successor.media, table)
        for name in old.columns:
            getattr(new, name)[:] = getattr(old, name)
    successor.media.pool[:] = worker.media.pool
    successor.media.high = worker.media.high
    successor.tick = successor.media.tick = worker.tick
    sounding.resume(successor.media, row)
    successor.run(60)
    sent: list[Rtp] = [*worker.sent(row), *successor.sent(row)]
    assert own(said(sent)) == unheld(80)
    assert set(np.diff([packet.sequence for packet in sent]).tolist()) == {1}
    assert set(np.diff([packet.timestamp for packet in sent]).tolist()) == {FRAME}
