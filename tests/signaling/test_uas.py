"""Requests from a peer that follows no script (RFC 3261 8.2, 12.2.2)."""

import pytest

from bus.calls import Answered, Ended, IncomingCall, MediaChanged, Outcome
from bus.settings import Settings
from signaling.effects import DrainAsked
from signaling.sending import ALLOW
from signaling.sip.message import Request, first
from tests.harness.arena import BOB, Arena
from tests.harness.puppet import Caller
from tests.signaling.carol import MEDIA, caller, connected, heard


def final(arena: Arena, carol: Caller, request: Request) -> int:
    carol.send(request)
    arena.network.run(seconds=1.0)
    number, _, method = (first(request, "CSeq") or "").partition(" ")
    (status,) = {response.status for response in heard(carol, int(number), method)}
    return status


def test_outside_of_a_dialog(arena: Arena) -> None:
    carol = caller(arena)
    assert final(arena, carol, carol.request("OPTIONS")) == 200
    assert final(arena, carol, carol.request("BYE")) == 481
    assert final(arena, carol, carol.request("MESSAGE")) in (405, 501)
    assert final(arena, carol, carol.request("OPTIONS", headers=[("Require", "x")])) == 420


def test_the_allow_of_a_405_and_an_options(arena: Arena) -> None:
    carol = caller(arena)
    final(arena, carol, carol.request("OPTIONS"))
    (response,) = carol.puppet.responses
    assert {v for n, v in response.headers if n == "Allow"} == set(ALLOW.split(", "))


def test_an_invite_that_we_cannot_take(arena: Arena) -> None:
    carol = caller(arena)
    video = MEDIA.replace(b"m=audio", b"m=video")
    assert final(arena, carol, carol.request("INVITE", body=video)) == 488
    arena.bob.worker.silent = True
    arena.network.run(seconds=5.0)
    assert final(arena, carol, carol.request("INVITE", body=MEDIA)) == 503
    assert not arena.bob.heard(IncomingCall)


def test_no_new_calls_while_draining(arena: Arena) -> None:
    carol = connected(arena)
    arena.bob.feed(DrainAsked(60.0, "shutting down"))
    other = Caller(carol.puppet, BOB, call_id="another")
    assert final(arena, other, other.request("INVITE", body=MEDIA)) == 503
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)
    assert arena.bob.exited


def test_a_bye_in_the_middle_of_ringing(arena: Arena) -> None:
    carol = caller(arena)
    carol.send(carol.request("INVITE", body=MEDIA))
    arena.network.run(seconds=0.1)
    (call,) = arena.bob.state.calls.values()
    carol.tag = call.local_tag
    assert final(arena, carol, carol.request("BYE")) == 200
    assert {response.status for response in heard(carol, 1)} == {487}
    assert arena.bob.ended().outcome is Outcome.CANCELLED


@pytest.mark.parametrize("body", [b"", b"v=0\r\n"])
def test_no_usable_answer_in_the_ack(arena: Arena, body: bytes) -> None:
    carol = caller(arena)
    arena.bob_answers(ring=None, after=0.1)
    assert final(arena, carol, carol.request("INVITE")) == 200
    carol.learn(heard(carol, 1)[-1])
    carol.acknowledge(1, body=body)
    arena.network.run(seconds=1.0)
    assert arena.bob.ended().outcome is Outcome.MEDIA_NOT_ACCEPTABLE
    assert len(carol.puppet.of("BYE")) == 1


def test_our_ringing_has_an_end(arena: Arena) -> None:
    carol = caller(arena)
    carol.send(carol.request("INVITE", body=MEDIA))
    arena.network.run(seconds=Settings().sip.ring_timeout + 1.0)
    assert [response.status for response in heard(carol, 1)][:1] == [480]
    assert not arena.bob.heard(Answered) + arena.bob.heard(MediaChanged)
    assert len(arena.bob.heard(Ended)) == 1
