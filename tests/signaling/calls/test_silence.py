"""What of a silence lasts (scenario 32 is in ``tests.scenarios.test_silence``)."""

from bus.calls import Answer, IncomingCall, Ring
from bus.quality import MediaTimeout
from bus.sources import Tone
from tests.harness.arena import TO_BOB, Arena
from tests.scenarios.test_silence import heard, silent


def test_a_silence_before_the_answer_is_over_when_the_peer_is_heard() -> None:
    with Arena(32) as arena:
        arena.alice.dial(TO_BOB)
        arena.network.run(until=lambda: bool(arena.bob.heard(IncomingCall)))
        call = arena.bob.heard(IncomingCall)[0].call
        arena.bob.send(Ring(call=call, status=183, play=Tone()))
        arena.network.run(seconds=12)
        silent(arena.alice, 10)
        heard(arena.alice, 11)
        arena.bob.send(Answer(call=call))
        arena.network.run(seconds=60)
        assert not arena.alice.heard(MediaTimeout)
        arena.alice.hang_up_all()
        arena.finish()


def test_nothing_is_left_of_a_call_that_ends_while_its_peer_is_silent() -> None:
    with Arena(33) as arena:
        arena.call()
        arena.network.run(seconds=12)
        silent(arena.alice, 3)
        arena.alice.hang_up_all()
        arena.finish()
        assert not arena.alice.heard(MediaTimeout)
