"""Scenario 23: media before the answer, both ways (RFC 3960, RFC 3261 13.2.1)."""

import pytest

from bus.calls import (
    Answer,
    Answered,
    Ended,
    IncomingCall,
    Ok,
    Outcome,
    Progress,
    Reject,
    Ring,
)
from bus.errors import BadRequestError, NoCapacityError, WrongStateError
from bus.ids import CallId
from bus.sources import Tone
from signaling.effects import WorkerDied
from signaling.sip.message import Request, Response, first
from tests.harness.arena import CAROL, TO_CAROL, Arena
from tests.harness.network import Path
from tests.harness.puppet import Caller, Puppet
from tests.signaling.carol import MEDIA, caller, heard
from tests.signaling.sdp.bodies import audio

RINGBACK, GREETING = Tone(frequency=425.0), Tone(frequency=440.0)
EARLY = audio("0 101", address=CAROL, port=40000)
MOVED = audio("0 101", address=CAROL, port=50000)
UNUSABLE = audio("99", address=CAROL)


def end(arena: Arena) -> None:
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


# ----------------------------------------------------------------------- from who is called


def call_carol(arena: Arena, *responses: tuple[int, bytes]) -> Puppet:
    """Let Alice call Carol, who answers with these, a tenth of a second apart."""

    def handler(puppet: Puppet, request: Request, _: Path) -> None:
        if request.method == "INVITE":
            for place, (status, body) in enumerate(responses):
                later = [("P-Turn", str(place)), ("Server", "hers")]
                puppet.later(
                    place / 10,
                    lambda s=status, b=body, h=later: puppet.answer(  # type: ignore[misc]
                        request, s, body=b, headers=h
                    ),
                )
        elif request.method == "BYE":
            puppet.answer(request, 200)

    carol = arena.puppet("carol", CAROL, handler)
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=2.0)
    return carol


def ports(arena: Arena) -> list[int]:
    """Return where Alice's stream was told to send, each time."""
    (stream,) = arena.alice.worker.streams.values()
    return [remote.port for remote in stream.remotes]


@pytest.mark.parametrize(
    ("last", "expected"), [(EARLY, [40000]), (MOVED, [40000, 50000]), (b"", [40000])]
)
def test_early_media_and_then_the_answer(arena: Arena, last: bytes, expected: list[int]) -> None:
    """The same again starts nothing twice; another moves the stream; none is the early one."""
    call_carol(arena, (100, b""), (183, EARLY), (180, b""), (200, last))
    assert ports(arena) == expected
    progress = [(p.status, p.early_media) for p in arena.alice.heard(Progress)]
    assert progress == [(183, True), (180, True)]
    (answered,) = arena.alice.heard(Answered)
    assert answered.remote_media == f"{CAROL}:{expected[-1]}"
    end(arena)


def test_ringing_before_early_media(arena: Arena) -> None:
    call_carol(arena, (180, b""), (183, EARLY), (183, EARLY), (183, MOVED), (200, MOVED))
    assert ports(arena) == [40000, 50000]
    progress = [(p.status, p.early_media) for p in arena.alice.heard(Progress)]
    assert progress == [(180, False), (183, True), (183, True), (183, True)]
    end(arena)


def test_the_headers_that_are_its_applications(arena: Arena) -> None:
    call_carol(arena, (183, EARLY), (200, b""))
    (progress,) = arena.alice.heard(Progress)
    assert progress.headers == (("P-Turn", "0"),)
    (answered,) = arena.alice.heard(Answered)
    assert answered.headers == (("P-Turn", "1"),)
    end(arena)


def test_early_media_that_nobody_can_use(arena: Arena) -> None:
    call_carol(arena, (183, UNUSABLE), (200, EARLY))
    assert ports(arena) == [40000]
    assert [p.early_media for p in arena.alice.heard(Progress)] == [False]
    assert any("unusable early media" in line for line in arena.alice.logs)
    end(arena)


def test_an_unusable_answer_after_a_usable_one(arena: Arena) -> None:
    """The first answer is the answer (RFC 3261 13.2.1); what comes later can only be ignored."""
    call_carol(arena, (183, EARLY), (200, UNUSABLE))
    assert arena.alice.heard(Answered)
    assert ports(arena) == [40000]
    end(arena)


def test_no_answer_in_any_response(arena: Arena) -> None:
    carol = call_carol(arena, (180, b""), (200, b""))
    assert arena.alice.ended().outcome is Outcome.MEDIA_NOT_ACCEPTABLE
    assert len(carol.of("BYE")) == 1


def test_a_refusal_after_early_media(arena: Arena) -> None:
    """An announcement, then the final response it explains."""
    call_carol(arena, (183, EARLY), (404, b""))
    (ended,) = arena.alice.heard(Ended)
    assert ended.status == 404
    assert not arena.alice.worker.open_streams


# --------------------------------------------------------------------------- to who calls us


def invited(arena: Arena, *, body: bytes = MEDIA) -> tuple[Caller, CallId]:
    """Let Carol, who knows no 100rel, call Bob, who thinks about it."""
    carol = caller(arena)
    carol.send(carol.request("INVITE", body=body))
    arena.network.run(until=lambda: bool(carol.puppet.responses))  # the 100
    return carol, arena.bob.heard(IncomingCall)[0].call


def settle(arena: Arena, carol: Caller) -> Response:
    """Let Carol acknowledge Bob's 200; return it."""
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    carol.learn(heard(carol, 1)[-1])
    carol.acknowledge(1)
    arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))
    return heard(carol, 1)[-1]


def hang_up(arena: Arena) -> None:
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


def test_a_caller_hears_us_before_the_answer(arena: Arena) -> None:
    carol, call = invited(arena)
    arena.bob.send(Ring(call=call, status=183, play=RINGBACK, headers=(("X-Hue", "red"),)))
    arena.network.run(seconds=0.1)
    arena.bob.ask(Ring(call=call))
    arena.network.run(seconds=0.1)
    (stream,) = arena.bob.worker.open_streams
    assert stream.plays == [RINGBACK]
    assert [remote.port for remote in stream.remotes] == [49170]
    arena.bob.send(Answer(call=call, play=GREETING))
    answer = settle(arena, carol)
    trying, early, ringing = [r for r in carol.puppet.responses if r.status < 200]
    assert (trying.status, early.status, ringing.status) == (100, 183, 180)
    assert (bool(trying.body), bool(ringing.body)) == (False, False)
    assert early.body == answer.body != b""
    assert first(early, "X-Hue") == "red"
    assert first(early, "RSeq") is None
    assert stream.plays == [RINGBACK, GREETING]
    assert len(stream.remotes) == len(arena.bob.worker.streams) == 1
    hang_up(arena)


def test_the_same_source_goes_on_through_the_answer(arena: Arena) -> None:
    carol, call = invited(arena)
    arena.bob.send(Ring(call=call, status=183, play=RINGBACK))
    arena.network.run(seconds=0.1)
    arena.bob.send(Answer(call=call, play=RINGBACK))
    settle(arena, carol)
    assert arena.bob.worker.open_streams[0].plays == [RINGBACK]
    hang_up(arena)


def test_another_source_before_the_answer(arena: Arena) -> None:
    carol, call = invited(arena)
    arena.bob.send(Ring(call=call, status=183, play=RINGBACK))
    arena.network.run(seconds=0.1)
    arena.bob.ask(Ring(call=call, status=183, play=GREETING))
    arena.network.run(seconds=0.1)
    assert arena.bob.worker.open_streams[0].plays == [RINGBACK, GREETING]
    bodies = {r.body for r in carol.puppet.responses if r.status == 183}
    assert len(bodies) == 1
    hang_up(arena)


def test_an_answer_while_the_stream_is_being_opened(arena: Arena) -> None:
    """It makes the ringing superfluous; the caller hears the answer's source."""
    carol, call = invited(arena)
    ring = arena.bob.send(Ring(call=call, status=183, play=RINGBACK))
    answer = arena.bob.send(Answer(call=call, play=GREETING))
    settle(arena, carol)
    assert isinstance(arena.bob.outcome(ring), Ok)
    assert isinstance(arena.bob.outcome(answer), Ok)
    assert {r.status for r in carol.puppet.responses} == {100, 200}
    assert arena.bob.worker.open_streams[0].plays == [RINGBACK, GREETING]
    hang_up(arena)


def test_ringing_twice_with_media_at_one_instant(arena: Arena) -> None:
    _, call = invited(arena)
    arena.bob.send(Ring(call=call, status=183, play=RINGBACK))
    with pytest.raises(WrongStateError, match="being opened"):
        arena.bob.ask(Ring(call=call, status=183, play=GREETING))
    hang_up(arena)


def test_a_worker_that_opens_no_stream_for_early_media(arena: Arena) -> None:
    carol, call = invited(arena)
    arena.bob.worker.refusal = ("bad_source", "no such file")
    ring = arena.bob.send(Ring(call=call, status=183, play=RINGBACK))
    arena.network.run(seconds=0.1)
    with pytest.raises(NoCapacityError, match="no such file"):
        arena.bob.outcome(ring)
    arena.bob.worker.refusal = None
    arena.bob.send(Answer(call=call))
    assert settle(arena, carol).status == 200
    hang_up(arena)


def test_a_worker_that_is_lost_under_early_media(arena: Arena) -> None:
    """The caller knows a port that is gone: no other stream can take its place."""
    carol, call = invited(arena)
    arena.bob.send(Ring(call=call, status=183, play=RINGBACK))
    arena.network.run(seconds=0.1)
    arena.bob.worker.streams.clear()
    arena.bob.worker.silent = True
    arena.bob.feed(WorkerDied(4711))
    arena.network.run(seconds=0.1)
    assert heard(carol, 1)[-1].status == 503
    assert arena.bob.ended().outcome is Outcome.FAILED
    carol.acknowledge(1)


@pytest.mark.parametrize("after", [0.0, 0.2])
def test_early_media_of_a_call_that_is_refused(arena: Arena, after: float) -> None:
    carol, call = invited(arena)
    ring = arena.bob.send(Ring(call=call, status=183, play=RINGBACK))
    arena.network.run(seconds=after)
    arena.bob.ask(Reject(call=call))
    arena.network.run(seconds=1.0)
    assert heard(carol, 1)[-1].status == 486
    assert not arena.bob.worker.open_streams
    if after:
        assert isinstance(arena.bob.outcome(ring), Ok)
    else:
        with pytest.raises(WrongStateError):
            arena.bob.outcome(ring)


def test_headers_of_a_ring_that_are_the_stacks(arena: Arena) -> None:
    _, call = invited(arena)
    with pytest.raises(BadRequestError, match="RSeq"):
        arena.bob.ask(Ring(call=call, headers=(("RSeq", "1"),)))
    hang_up(arena)
