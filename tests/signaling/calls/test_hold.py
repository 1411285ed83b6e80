"""Hold as other machines of a call use it; what applications see is in ``tests/scenarios``."""

from collections.abc import Iterator

import pytest

from bus.errors import BadSourceError, TooLateError
from bus.sources import Music, Tone
from signaling.calls import offering
from signaling.calls.call import Call
from signaling.calls.hold import HELD, hold, music_plays, music_refused, resume
from signaling.calls.holding import Stage
from signaling.calls.verdicts import Happening
from signaling.core import Core
from signaling.effects import Send, ToWorker
from tests.harness.arena import Arena
from tests.signaling.alone import alone


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """Return what a machine of the call is told."""
    told: list[str] = []

    def note(core: Core, call: Call, why: str) -> None:
        told.append(why)

    HELD["test"] = note
    yield told
    del HELD["test"]


def refused(core: Core, call: Call, status: int, reason: str) -> None:
    ((key, sent),) = call.sent.items()
    del call.sent[key]
    offering.answered(core, call, sent, key, Happening(status=status, reason=reason))


def test_a_machine_is_told_of_each_step(arena: Arena, heard: list[str]) -> None:
    mine, _ = arena.call()
    core, call = alone(arena.alice, mine)
    hold(core, call, Music(), note="test")
    assert [type(effect) for effect in core.effects] == [ToWorker]
    music_plays(core, call)
    assert [type(effect) for effect in core.effects] == [ToWorker, Send]
    refused(core, call, 488, "Not Acceptable Here")
    assert heard == ["488 Not Acceptable Here"]
    assert (call.holding.stage, call.holding.local) == (Stage.IDLE, False)
    arena.alice.hang_up_all()


def test_a_machine_is_told_at_once_if_nothing_is_to_be_done(arena: Arena, heard: list[str]) -> None:
    mine, _ = arena.call()
    core, call = alone(arena.alice, mine)
    resume(core, call, note="test")
    assert heard == [""]
    arena.alice.hang_up_all()


def test_music_that_is_refused(arena: Arena, heard: list[str]) -> None:
    mine, _ = arena.call()
    core, call = alone(arena.alice, mine)
    hold(core, call, Tone(), note="test")
    music_refused(core, call, BadSourceError("no such file"))
    assert heard == ["no such file"]
    assert not call.sent
    arena.alice.hang_up_all()


def test_a_late_answer_of_the_worker_means_nothing(arena: Arena) -> None:
    mine, _ = arena.call()
    core, call = alone(arena.alice, mine)
    music_plays(core, call)
    music_refused(core, call, TooLateError("too late"))
    assert (call.holding.stage, core.effects) == (Stage.IDLE, [])
    arena.alice.hang_up_all()
