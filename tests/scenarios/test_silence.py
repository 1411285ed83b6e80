"""Scenario 32: a peer that sends no RTP, from the beginning or suddenly; held calls are spared.

What the worker makes of RTP is tested in ``tests.mediaworker.stages.test_watch``; here it says so.
"""

import pytest

from bus.calls import Answer, Ended, HangUp, IncomingCall, Outcome, Ring
from bus.holding import Hold, Resume
from bus.ids import StreamId
from bus.quality import Grade, MediaResumed, MediaTimeout, QualityChanged
from bus.settings import MediaSettings, Settings
from bus.sources import Tone
from signaling.effects import FromWorker
from signaling.sip.message import first
from tests.harness.arena import ALICE, TO_BOB, Arena
from tests.harness.station import Station


def set_times(arena: Arena, timeout: float, hangup: float) -> None:
    settings = Settings(media=MediaSettings(rtp_timeout=timeout, rtp_timeout_hangup=hangup))
    arena.alice = arena.station("alice", ALICE, settings=settings)


def stream_of(station: Station) -> StreamId:
    (stream,) = (name for name, each in station.worker.streams.items() if not each.closed)
    return stream


def silent(station: Station, seconds: float, *, goodbye: bool = False) -> None:
    frame = station.worker.silence(stream_of(station), seconds, goodbye=goodbye)
    station.feed(FromWorker("worker", frame))


def heard(station: Station, seconds: float) -> None:
    station.feed(FromWorker("worker", station.worker.sound(stream_of(station), seconds)))


def test_the_owner_is_told_and_in_the_end_we_hang_up(arena: Arena) -> None:
    set_times(arena, 10, 30)
    arena.call()
    arena.network.run(seconds=15)
    silent(arena.alice, 10, goodbye=True)
    arena.network.run(seconds=0.1)
    (timeout,) = arena.alice.heard(MediaTimeout)
    assert timeout.seconds == pytest.approx(10, abs=0.01)
    assert timeout.goodbye
    arena.network.run(seconds=19.8)
    assert not arena.alice.heard(Ended)
    arena.network.run(seconds=0.3)
    ended = arena.alice.ended()
    assert (ended.outcome, ended.by) == (Outcome.FAILED, "engine")
    assert ended.reason == "no RTP for 30 s"
    (bye,) = arena.bob.requests("BYE")
    assert first(bye, "Reason") == 'Q.850;cause=102;text="no RTP for 30 s"'
    assert arena.bob.ended().outcome is Outcome.COMPLETED


def test_a_peer_that_is_heard_again_in_time(arena: Arena) -> None:
    set_times(arena, 10, 30)
    arena.call()
    arena.network.run(seconds=15)
    silent(arena.alice, 10)
    arena.network.run(seconds=19)
    heard(arena.alice, 29)
    arena.network.run(seconds=60)
    assert not arena.alice.heard(Ended)
    (resumed,) = arena.alice.heard(MediaResumed)
    assert resumed.seconds == pytest.approx(29, abs=0.1)
    silent(arena.alice, 10)
    arena.network.run(seconds=1)
    assert len(arena.alice.heard(MediaTimeout)) == 2
    arena.alice.hang_up_all()


def test_each_time_can_be_switched_off(arena: Arena) -> None:
    set_times(arena, 0, 20)
    arena.call()
    arena.network.run(seconds=25)
    silent(arena.alice, 20)
    arena.network.run(seconds=1)
    assert arena.alice.ended().reason == "no RTP for 20 s"
    assert not arena.alice.heard(MediaTimeout)


def test_without_a_time_to_hang_up_the_call_goes_on(arena: Arena) -> None:
    arena.call()
    arena.network.run(seconds=15)
    silent(arena.alice, 10)
    arena.network.run(seconds=600)
    assert len(arena.alice.heard(MediaTimeout)) == 1
    assert not arena.alice.heard(Ended)
    arena.alice.hang_up_all()


def test_the_times_count_from_the_answer(arena: Arena) -> None:
    """Early media that ended: nobody has to say anything before the answer."""
    set_times(arena, 10, 30)
    arena.alice.dial(TO_BOB)
    arena.network.run(until=lambda: bool(arena.bob.heard(IncomingCall)))
    call = arena.bob.heard(IncomingCall)[0].call
    arena.bob.send(Ring(call=call, status=183, play=Tone()))
    arena.network.run(seconds=12)
    silent(arena.alice, 10)
    arena.network.run(seconds=28)
    assert not arena.alice.heard(MediaTimeout)
    arena.bob.send(Answer(call=call))
    arena.network.run(seconds=9.5)
    assert not arena.alice.heard(MediaTimeout)
    arena.network.run(seconds=1)
    assert arena.alice.heard(MediaTimeout)[0].seconds == pytest.approx(10, abs=0.1)
    arena.network.run(seconds=20)
    assert arena.alice.ended().duration == pytest.approx(30, abs=0.1)


def test_a_held_call_is_silent(arena: Arena) -> None:
    set_times(arena, 10, 30)
    call, _ = arena.call()
    arena.network.run(seconds=15)
    silent(arena.alice, 10)
    arena.network.run(seconds=1)
    arena.alice.send(Hold(call=call))
    arena.network.run(seconds=100)
    assert not arena.alice.heard(Ended)
    arena.alice.send(Resume(call=call))
    arena.network.run(seconds=100)
    assert not arena.alice.heard(Ended)  # the worker counts anew, and said nothing since
    assert not arena.alice.heard(MediaResumed)
    silent(arena.alice, 10)
    arena.network.run(seconds=20.1)
    assert arena.alice.ended().reason == "no RTP for 30 s"


def test_a_call_held_by_the_peer_is_silent(arena: Arena) -> None:
    set_times(arena, 10, 30)
    _, theirs = arena.call()
    arena.network.run(seconds=15)
    silent(arena.alice, 10)
    arena.bob.send(Hold(call=theirs))
    arena.network.run(seconds=100)
    assert not arena.alice.heard(Ended)
    arena.alice.hang_up_all()


def test_an_end_that_comes_first(arena: Arena) -> None:
    set_times(arena, 10, 11)
    call, _ = arena.call()
    arena.network.run(seconds=15)
    silent(arena.alice, 10)
    arena.alice.ask(HangUp(call=call))
    arena.network.run(seconds=20)
    assert arena.alice.ended().by == "local"


def test_another_grade_is_told(arena: Arena) -> None:
    call, _ = arena.call()
    frame = arena.alice.worker.quality(stream_of(arena.alice), Grade.POOR)
    arena.alice.feed(FromWorker("worker", frame))
    arena.network.run(seconds=1)
    (changed,) = arena.alice.heard(QualityChanged)
    assert (changed.call, changed.grade, changed.loss_percent) == (call, Grade.POOR, 7.5)
    arena.alice.hang_up_all()


def test_rtcp_goes_with_rtp_between_us(arena: Arena) -> None:
    """RFC 5761, from the first packet on: both streams were opened or aimed with it."""
    arena.call()
    for station in (arena.alice, arena.bob):
        stream = station.worker.streams[stream_of(station)]
        assert [remote.rtcp_mux for remote in stream.remotes] == [True]
    arena.alice.hang_up_all()
