"""Scenarios 1, 4 and the rules around them: route sets, forks, early answers, foreign requests."""

import pytest

from bus.calls import Answered, Ended, IncomingCall, Outcome, Progress
from signaling.sdp.parse import parse_sdp
from signaling.sip.message import Request, every, first
from tests.harness.arena import BOB, TO_BOB, TO_CAROL, Arena
from tests.harness.network import Path
from tests.harness.puppet import Caller, Puppet
from tests.scenarios.test_reinvite import final, heard
from tests.signaling.sdp.bodies import AUDIO_AND_TWO_VIDEOS, audio

CAROL = "192.0.2.3"
ANSWER = audio("0 101", address=CAROL)


def test_the_route_set_is_followed(arena: Arena) -> None:
    """RFC 3261 12.1.2: the Record-Route of the 2xx, turned round, is the route from then on."""
    routes = ["<sip:far.example.com;lr>", "<sip:192.0.2.3;lr>"]

    def proxy(puppet: Puppet, request: Request, _: Path) -> None:
        if request.method == "INVITE":
            headers = [("Record-Route", route) for route in routes]
            puppet.answer(request, 200, headers=headers, body=ANSWER)
        elif request.method == "BYE":
            puppet.answer(request, 200)

    carol = arena.puppet("carol", CAROL, proxy)
    arena.alice.dial(TO_CAROL)
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)))
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    for method in ("ACK", "BYE"):
        (request,) = carol.of(method)
        assert every(request, "Route") == list(reversed(routes))
        assert request.uri == f"sip:carol@{CAROL}:5060"


def test_a_second_fork_is_acknowledged_and_ended(arena: Arena) -> None:
    def forks(puppet: Puppet, request: Request, _: Path) -> None:
        if request.method == "INVITE":
            puppet.answer(request, 180, tag="one")
            puppet.answer(request, 180, tag="two")
            puppet.answer(request, 200, tag="two", body=ANSWER)
            puppet.later(0.1, lambda: puppet.answer(request, 200, tag="one", body=ANSWER))
        elif request.method == "BYE":
            puppet.answer(request, 200)

    carol = arena.puppet("carol", CAROL, forks)
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=2.0)
    tags = [(first(request, "To") or "").partition("tag=")[2] for request in carol.of("ACK")]
    assert tags == ["two", "one"]
    (bye,) = carol.of("BYE")
    assert (first(bye, "To") or "").endswith("tag=one")
    assert not arena.alice.heard(Ended)
    assert len(arena.alice.worker.open_streams[0].remotes) == 1
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    assert (first(carol.of("BYE")[-1], "To") or "").endswith("tag=two")


def test_progress_with_and_without_media_before_the_answer(arena: Arena) -> None:
    def handler(puppet: Puppet, request: Request, _: Path) -> None:
        if request.method == "INVITE":
            puppet.answer(request, 183, body=ANSWER)
            puppet.later(0.2, lambda: puppet.answer(request, 180))
            puppet.later(0.4, lambda: puppet.answer(request, 200, body=ANSWER))
        elif request.method == "BYE":
            puppet.answer(request, 200)

    arena.puppet("carol", CAROL, handler)
    arena.alice.dial(TO_CAROL)
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)))
    assert [event.status for event in arena.alice.heard(Progress)] == [183, 180]
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


@pytest.mark.parametrize("body", [b"", b"nonsense", audio("3", address=CAROL), audio(port=0)])
def test_an_answer_that_cannot_be_used(arena: Arena, body: bytes) -> None:
    def handler(puppet: Puppet, request: Request, _: Path) -> None:
        if request.method in ("INVITE", "BYE"):
            puppet.answer(request, 200, body=body if request.method == "INVITE" else b"")

    carol = arena.puppet("carol", CAROL, handler)
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=2.0)
    assert [request.method for request in carol.requests] == ["INVITE", "ACK", "BYE"]
    assert arena.alice.ended().outcome is Outcome.MEDIA_NOT_ACCEPTABLE
    assert not arena.alice.heard(Answered)


def test_the_answer_mirrors_media_and_payload_types(arena: Arena) -> None:
    carol = Caller(arena.puppet("carol", CAROL), BOB)
    arena.bob_answers()
    offer = AUDIO_AND_TWO_VIDEOS.replace(
        b"RTP/AVP 0\r\n", b"RTP/AVP 3 8 0 97\r\na=rtpmap:97 telephone-event/8000\r\n"
    )
    carol.send(carol.request("INVITE", body=offer))
    arena.network.run(until=heard(carol, "1 INVITE"))
    response = final(carol)
    assert response is not None
    media = parse_sdp(response.body).media
    assert [(m.media, m.port, m.formats) for m in media] == [
        ("audio", 20000, ("8", "97")),
        ("video", 0, ("31",)),
        ("video", 0, ("32",)),
    ]
    carol.learn(response)
    carol.acknowledge(1)
    arena.network.run(seconds=0.1)
    carol.send(carol.request("BYE"))
    arena.network.run(seconds=1.0)
    assert arena.bob.ended().outcome is Outcome.COMPLETED


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("OPTIONS", 200),
        ("BYE", 481),
        ("CANCEL", 481),
        ("REGISTER", 405),
        ("SUBSCRIBE", 405),
        ("JUMP", 501),
    ],
)
def test_requests_outside_a_call(arena: Arena, method: str, status: int) -> None:
    carol = Caller(arena.puppet("carol", CAROL), BOB)
    carol.tag = "unknown" if method == "BYE" else ""
    carol.send(carol.request(method))
    arena.network.run(until=heard(carol, f"1 {method}"))
    response = final(carol)
    assert response is not None
    assert response.status == status
    if status in (200, 405):
        assert "INVITE" in every(response, "Allow")


@pytest.mark.parametrize(
    ("offer", "status"),
    [(audio("3"), 488), (b"v=0\r\nnonsense\r\n", 400), (audio(protocol="RTP/SAVP"), 488)],
)
def test_an_offer_that_cannot_be_used_never_rings(arena: Arena, offer: bytes, status: int) -> None:
    carol = Caller(arena.puppet("carol", CAROL), BOB)
    invite = carol.send(carol.request("INVITE", body=offer))
    arena.network.run(until=heard(carol, "1 INVITE"))
    response = final(carol)
    assert response is not None
    assert response.status == status
    assert not arena.bob.heard(IncomingCall)
    carol.learn(response)
    branch = (first(invite, "Via") or "").partition("branch=")[2]
    carol.send(carol.request("ACK", number=1, branch=branch))
    arena.network.run(seconds=1.0)


def test_an_invite_that_comes_by_two_ways_is_merged(arena: Arena) -> None:
    """RFC 3261 8.2.2.2."""
    carol = Caller(arena.puppet("carol", CAROL), BOB)
    carol.send(carol.request("INVITE", body=ANSWER, branch="z9hG4bKone"))
    carol.send(carol.request("INVITE", number=1, body=ANSWER, branch="z9hG4bKtwo"))
    arena.network.run(until=heard(carol, "1 INVITE"))
    response = final(carol)
    assert response is not None
    assert response.status == 482
    assert len(arena.bob.heard(IncomingCall)) == 1
    carol.send(carol.request("CANCEL", number=1, branch="z9hG4bKone"))
    arena.network.run(seconds=1.0)
    assert arena.bob.ended().outcome is Outcome.CANCELLED


def test_a_call_to_oneself(arena: Arena) -> None:
    arena.bob_answers()
    arena.bob.dial(TO_BOB)
    arena.network.run(until=lambda: len(arena.bob.heard(Answered)) == 2)
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)
    assert len(arena.bob.heard(Ended)) == 2
