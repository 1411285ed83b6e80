"""Descriptions within multipart bodies, in every message that can carry one (RFC 5621)."""

import pytest

from bus.calls import Answer, Answered, IncomingCall, MediaChanged, Ring
from signaling.sip.message import Request, every, first
from signaling.sip.render import respond
from tests.harness.arena import CAROL, TO_CAROL, Arena
from tests.harness.network import Path
from tests.harness.puppet import Caller, Puppet
from tests.signaling.carol import CONTACT, MEDIA, MOVED, caller, connected, heard
from tests.signaling.sip.test_multipart import ISUP, multipart

KIND, _ = multipart()


def wrapped(description: bytes, *, required: bool = False) -> bytes:
    """Put a description behind a part that we do not know."""
    handling = b"required" if required else b"optional"
    unknown = b"Content-Disposition: signal;handling=" + handling + b"\r\n" + ISUP
    return multipart(unknown, b"Content-Type: application/sdp\r\n\r\n" + description)[1]


def hang_up(arena: Arena) -> None:
    arena.alice.hang_up_all()
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


def call_bob(arena: Arena, body: bytes) -> Caller:
    """Let Carol call Bob with a multipart body; he answers at once."""
    carol = caller(arena)
    arena.bob_answers(ring=None, after=0.1)
    carol.send(carol.request("INVITE", body=body, content_type=KIND))
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    carol.learn(heard(carol, 1)[-1])
    return carol


def ports(arena: Arena) -> list[int]:
    """Return where Bob's stream was told to send, each time."""
    arena.network.run(seconds=0.1)
    (stream,) = arena.bob.worker.open_streams
    return [remote.port for remote in stream.remotes]


def test_in_an_invite(arena: Arena) -> None:
    carol = call_bob(arena, wrapped(MEDIA))
    assert first(heard(carol, 1)[-1], "Content-Type") == "application/sdp"
    carol.acknowledge(1)
    arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))
    assert ports(arena) == [49170]
    hang_up(arena)


def test_an_invite_without_one_is_offered_to(arena: Arena) -> None:
    """And the answer is in the ACK, in a multipart body again."""
    carol = call_bob(arena, multipart(ISUP)[1])
    assert heard(carol, 1)[-1].body
    ack = carol.request("ACK", number=1, branch="z9hG4bK-ack", body=wrapped(MEDIA))
    ack.headers[:] = [(n, KIND if n == "Content-Type" else v) for n, v in ack.headers]
    carol.send(ack)
    arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))
    assert ports(arena) == [49170]
    hang_up(arena)


def test_an_invite_that_insists_on_another_part(arena: Arena) -> None:
    carol = caller(arena)
    body = wrapped(MEDIA, required=True)
    carol.send(carol.request("INVITE", body=body, content_type=KIND))
    arena.network.run(seconds=0.3)
    response = heard(carol, 1)[-1]
    assert (response.status, every(response, "Accept")) == (415, ["application/sdp"])
    assert not arena.bob.heard(IncomingCall)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_in_a_request_that_changes_the_session(arena: Arena, method: str) -> None:
    carol = connected(arena)
    carol.send(carol.request(method, body=wrapped(MOVED), content_type=KIND))
    arena.network.run(until=lambda: bool(heard(carol, 2, method)))
    if method == "INVITE":
        carol.acknowledge(2)
    arena.network.run(until=lambda: bool(arena.bob.heard(MediaChanged)))
    assert ports(arena) == [49170, 49180]
    hang_up(arena)


def test_in_a_prack(arena: Arena) -> None:
    carol = caller(arena)
    carol.send(carol.request("INVITE", headers=[("Supported", "100rel")]))
    arena.network.run(until=lambda: bool(carol.puppet.responses))
    (incoming,) = arena.bob.heard(IncomingCall)
    arena.bob.send(Ring(call=incoming.call, status=183, play=Answer(call=incoming.call).play))
    arena.network.run(seconds=0.1)
    carol.learn(carol.puppet.responses[-1])
    rack = ("RAck", f"{first(carol.puppet.responses[-1], 'RSeq')} 1 INVITE")
    carol.send(carol.request("PRACK", body=wrapped(MEDIA), content_type=KIND, headers=[rack]))
    arena.network.run(seconds=0.1)
    assert ports(arena) == [49170]
    hang_up(arena)


@pytest.mark.parametrize("status", [183, 200])
def test_in_a_response(arena: Arena, status: int) -> None:
    def handler(puppet: Puppet, request: Request, path: Path) -> None:
        if request.method == "INVITE":
            response = respond(
                request,
                status,
                to_tag="hers",
                headers=[CONTACT],
                body=wrapped(MEDIA),
                content_type=KIND,
            )
            puppet.send(response, path.remote)
            if status < 200:
                puppet.later(0.1, lambda: puppet.answer(request, 200, tag="hers"))
        elif request.method == "BYE":
            puppet.answer(request, 200)

    arena.puppet("carol", CAROL, handler)
    arena.alice.dial(TO_CAROL)
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)))
    arena.network.run(seconds=0.1)
    (stream,) = arena.alice.worker.open_streams
    assert [remote.port for remote in stream.remotes] == [49170]
    hang_up(arena)
