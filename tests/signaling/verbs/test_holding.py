"""What is looked at before a hold is taken."""

import pytest

from bus.errors import BadRequestError, NotFoundError, WrongStateError
from bus.holding import Hold, Resume
from bus.ids import CallId, StreamId
from bus.sources import Leg
from tests.harness.arena import Arena


def test_a_call_that_is_not(arena: Arena) -> None:
    for command in (Hold(call=CallId("no-1")), Resume(call=CallId("no-1"))):
        with pytest.raises(NotFoundError):
            arena.alice.ask(command)


def test_a_call_that_is_not_up(arena: Arena) -> None:
    arena.bob_answers(after=5.0)
    mine = arena.alice.dial("sip:bob@192.0.2.2")
    for command in (Hold(call=mine), Resume(call=mine)):
        with pytest.raises(WrongStateError, match="calling, not up"):
            arena.alice.ask(command)
    arena.alice.hang_up_all()


def test_music_that_cannot_be_named_from_outside(arena: Arena) -> None:
    mine, _ = arena.call()
    with pytest.raises(BadRequestError):
        arena.alice.ask(Hold(call=mine, music=Leg(StreamId(1))))
    arena.alice.hang_up_all()
