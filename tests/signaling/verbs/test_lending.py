import pytest

from bus.audio import CloseAudio, OpenAudio
from bus.calls import Ok
from bus.errors import NotFoundError, WrongStateError
from bus.ids import CallId
from tests.harness.arena import TO_BOB, Arena


def test_rings_are_lent_and_taken_back(arena: Arena) -> None:
    mine, _ = arena.call()
    opening = arena.alice.send(OpenAudio(call=mine, rate=16000))
    arena.network.run(seconds=1)
    assert arena.alice.outcome(opening) == Ok()
    (stream,) = arena.alice.worker.streams.values()
    assert stream.audio == 16000
    closing = arena.alice.send(CloseAudio(call=mine))
    arena.network.run(seconds=1)
    assert arena.alice.outcome(closing) == Ok()
    assert stream.audio == 0
    arena.alice.hang_up_all()


def test_there_must_be_a_call_and_it_must_be_up(arena: Arena) -> None:
    with pytest.raises(NotFoundError):
        arena.alice.ask(OpenAudio(call=CallId("x")))
    call = arena.alice.dial(TO_BOB)
    with pytest.raises(WrongStateError):
        arena.alice.ask(OpenAudio(call=call))
    arena.alice.hang_up_all()
