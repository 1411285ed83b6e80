"""Scenario 23: media before the answer, both ways (RFC 3960, RFC 3261 13.2.1)."""

import pytest

from bus.calls import Answered, Ended, Outcome, Progress
from signaling.sip.message import Request
from tests.harness.arena import CAROL, TO_CAROL, Arena
from tests.harness.network import Path
from tests.harness.puppet import Puppet
from tests.signaling.sdp.bodies import audio

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
