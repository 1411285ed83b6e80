import pytest

from bus.errors import NotFoundError, WrongStateError
from bus.ids import CallId
from bus.speaking import SpeechChanged, WatchSpeech
from signaling.effects import FromWorker
from tests.harness.arena import TO_BOB, Arena


def test_who_watches_hears_of_speech(arena: Arena) -> None:
    mine, _ = arena.call()
    arena.alice.ask(WatchSpeech(call=mine))
    arena.network.run(seconds=1)
    (stream,) = arena.alice.worker.streams
    assert arena.alice.worker.streams[stream].watched
    arena.alice.feed(FromWorker("worker", arena.alice.worker.speech(stream, speaks=True)))
    assert arena.alice.heard(SpeechChanged) == [
        SpeechChanged(call=mine, speaks=True, level=-20.0, lasted_ms=500)
    ]
    arena.alice.ask(WatchSpeech(call=mine, watch=False))
    arena.network.run(seconds=1)
    assert not arena.alice.worker.streams[stream].watched
    arena.alice.hang_up_all()


def test_there_must_be_a_call_and_it_must_be_up(arena: Arena) -> None:
    with pytest.raises(NotFoundError):
        arena.alice.ask(WatchSpeech(call=CallId("x")))
    call = arena.alice.dial(TO_BOB)
    with pytest.raises(WrongStateError):
        arena.alice.ask(WatchSpeech(call=call))
    arena.alice.hang_up_all()
