"""Scenarios 10 and 13: the peer changes the session, or leaves the offer to us."""

from collections.abc import Callable

import pytest

from bus.calls import Answered, Ended, IncomingCall, MediaChanged, Outcome
from signaling.sdp.parse import parse_sdp
from signaling.sip.message import Request, Response, first
from tests.harness.arena import BOB, Arena
from tests.harness.network import Path, drop, starts
from tests.harness.puppet import Caller, Puppet
from tests.signaling.sdp.bodies import audio

CAROL = "192.0.2.3"


def media(*attributes: str, version: int = 1, port: int = 49170, formats: str = "0 101") -> bytes:
    return audio(formats, *attributes, address=CAROL, version=version, port=port)


def final(carol: Caller) -> Response | None:
    """Return the last final response that Carol heard."""
    finals = [r for r in carol.puppet.responses if r.status >= 200]
    return finals[-1] if finals else None


def heard(carol: Caller, request: str) -> Callable[[], bool]:
    return lambda: any(
        r.status >= 200 and first(r, "CSeq") == request for r in carol.puppet.responses
    )


def connected(arena: Arena, *, body: bytes | None = None) -> Caller:
    """Carol, a puppet, calls Bob, who answers at once."""
    carol = Caller(arena.puppet("carol", CAROL), BOB)
    arena.bob_answers(ring=None, after=0.1)
    carol.send(carol.request("INVITE", body=media() if body is None else body))
    arena.network.run(until=heard(carol, "1 INVITE"))
    response = final(carol)
    assert response is not None
    assert response.status == 200
    carol.learn(response)
    if body is None:
        carol.acknowledge(1)
        arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))
    return carol


def reinvite(arena: Arena, carol: Caller, body: bytes) -> Response:
    """Send a re-INVITE; return its final response, acknowledged if it is a 2xx."""
    request = carol.send(carol.request("INVITE", body=body))
    number = carol.number
    arena.network.run(until=heard(carol, first(request, "CSeq") or ""))
    response = final(carol)
    assert response is not None
    carol.acknowledge(number)
    arena.network.run(seconds=0.1)
    return response


def answers_bye(puppet: Puppet, request: Request, _: Path) -> None:
    if request.method == "BYE":
        puppet.answer(request, 200)


def bye(arena: Arena, carol: Caller) -> None:
    carol.send(carol.request("BYE"))
    arena.network.run(seconds=1.0)
    assert arena.bob.ended().outcome is Outcome.COMPLETED


@pytest.mark.parametrize(
    ("said", "answered"),
    [("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
def test_the_peer_holds_us_and_comes_back(arena: Arena, said: str, answered: str) -> None:
    carol = connected(arena)
    response = reinvite(arena, carol, media(said, version=2))
    assert f"\r\na={answered}\r\n".encode() in response.body
    assert parse_sdp(response.body).origin.version == "2"
    assert [event.direction for event in arena.bob.heard(MediaChanged)] == [answered]
    (stream,) = arena.bob.worker.open_streams
    assert stream.remotes[-1].send == (answered == "sendonly")
    response = reinvite(arena, carol, media(version=3))
    assert b"\r\na=sendrecv\r\n" in response.body
    assert (stream.remotes[-1].send, stream.remotes[-1].receive) == (True, True)
    assert not arena.bob.heard(Ended)
    bye(arena, carol)


def test_the_old_hold(arena: Arena) -> None:
    carol = connected(arena)
    held = media(version=2).replace(f"c=IN IP4 {CAROL}".encode(), b"c=IN IP4 0.0.0.0")
    assert b"\r\na=recvonly\r\n" in reinvite(arena, carol, held).body
    assert not arena.bob.worker.open_streams[0].remotes[-1].send
    bye(arena, carol)


def test_a_refresh_changes_nothing(arena: Arena) -> None:
    carol = connected(arena)
    first_answer = final(carol)
    response = reinvite(arena, carol, media())
    assert first_answer is not None
    assert response.body == first_answer.body
    assert not arena.bob.heard(MediaChanged)
    assert len(arena.bob.worker.open_streams[0].remotes) == 1
    bye(arena, carol)


def test_the_media_move(arena: Arena) -> None:
    carol = connected(arena)
    reinvite(arena, carol, media(version=2, port=50000, formats="8 101"))
    remote = arena.bob.worker.open_streams[0].remotes[-1]
    assert (remote.port, remote.codec) == (50000, "PCMA")
    assert [event.remote_media for event in arena.bob.heard(MediaChanged)] == [f"{CAROL}:50000"]
    bye(arena, carol)


def test_an_offer_without_our_codecs_leaves_the_call_as_it_was(arena: Arena) -> None:
    carol = connected(arena)
    assert reinvite(arena, carol, media(formats="3")).status == 488
    assert reinvite(arena, carol, b"v=0\r\nnonsense\r\n").status == 400
    assert not arena.bob.heard(MediaChanged)
    assert not arena.bob.heard(Ended)
    bye(arena, carol)


def test_an_offerless_reinvite_gets_our_offer(arena: Arena) -> None:
    carol = connected(arena)
    carol.send(carol.request("INVITE"))
    arena.network.run(until=heard(carol, "2 INVITE"))
    offer = final(carol)
    assert offer is not None
    assert b"m=audio" in offer.body
    carol.acknowledge(2, body=media("sendonly", version=2))
    arena.network.run(seconds=0.1)
    assert [event.direction for event in arena.bob.heard(MediaChanged)] == ["recvonly"]
    bye(arena, carol)


def test_an_offerless_invite_is_answered_in_the_ack(arena: Arena) -> None:
    carol = connected(arena, body=b"")
    offer = final(carol)
    assert offer is not None
    assert b"m=audio 20000 RTP/AVP 0 8 9 101\r\n" in offer.body
    (stream,) = arena.bob.worker.open_streams
    assert not stream.remotes
    carol.acknowledge(1, body=media())
    arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))
    arena.network.run(seconds=0.1)
    assert [remote.port for remote in stream.remotes] == [49170]
    bye(arena, carol)


@pytest.mark.parametrize("answer", [b"", b"v=0\r\nnonsense\r\n"])
def test_an_ack_without_a_usable_answer_ends_the_call(arena: Arena, answer: bytes) -> None:
    carol = connected(arena, body=b"")
    carol.puppet.handler = answers_bye
    carol.acknowledge(1, body=answer)
    arena.network.run(seconds=1.0)
    assert len(carol.puppet.of("BYE")) == 1
    assert arena.bob.ended().outcome is Outcome.MEDIA_NOT_ACCEPTABLE


def test_no_ack_of_a_reinvite_ends_the_call(arena: Arena) -> None:
    carol = connected(arena)
    carol.puppet.handler = answers_bye
    carol.send(carol.request("INVITE", body=media(version=2)))
    arena.network.run(seconds=40.0)
    assert len(carol.puppet.of("BYE")) == 1
    assert arena.bob.ended().outcome is Outcome.FAILED


def test_a_second_invite_before_the_ack(arena: Arena) -> None:
    carol = connected(arena)
    carol.send(carol.request("INVITE", body=media(version=2)))
    carol.send(carol.request("INVITE", body=media(version=3)))
    arena.network.run(until=heard(carol, "3 INVITE"))
    response = final(carol)
    assert response is not None
    assert response.status == 500
    assert first(response, "Retry-After") is not None
    carol.acknowledge(3)
    carol.acknowledge(2)
    arena.network.run(seconds=1.0)
    bye(arena, carol)


def test_a_reinvite_is_sent_again(arena: Arena) -> None:
    carol = connected(arena)
    arena.link("bob", "carol").rules.append(drop(starts(b"SIP/2.0 200"), 1))
    request = carol.send(carol.request("INVITE", body=media("sendonly", version=2)))
    arena.network.run(seconds=0.1)
    carol.send(request)
    arena.network.run(until=heard(carol, "2 INVITE"))
    carol.acknowledge(2)
    arena.network.run(seconds=1.0)
    assert len(arena.bob.heard(MediaChanged)) == 1
    bye(arena, carol)


def test_nothing_happens_to_other_calls(arena: Arena) -> None:
    carol = connected(arena)
    assert len(arena.bob.heard(IncomingCall)) == 1
    stranger = Caller(carol.puppet, BOB, call_id="another")
    stranger.tag = "guessed"
    stranger.send(stranger.request("BYE"))
    arena.network.run(until=heard(stranger, "1 BYE"))
    response = final(carol)
    assert response is not None
    assert response.status == 481
    assert not arena.bob.heard(Ended)
    bye(arena, carol)


def test_requests_out_of_order_are_refused(arena: Arena) -> None:
    carol = connected(arena)
    carol.number = 5
    assert reinvite(arena, carol, media()).status == 200
    carol.send(carol.request("BYE", number=3))
    arena.network.run(until=heard(carol, "3 BYE"))
    response = final(carol)
    assert response is not None
    assert response.status == 500
    bye(arena, carol)


def test_byes_cross_before_the_ack_of_a_reinvite(arena: Arena) -> None:
    """Ours is answered first; the peer's is then all that says that its ACK will never come."""
    carol = connected(arena)
    carol.puppet.handler = answers_bye
    carol.send(carol.request("INVITE", body=media("sendonly", version=2)))
    arena.network.run(until=heard(carol, "2 INVITE"))
    arena.bob.hang_up_all()
    arena.network.run(seconds=0.5)
    assert len(carol.puppet.of("BYE")) == 1
    carol.send(carol.request("BYE"))
    arena.network.run(seconds=0.5)
    assert not arena.bob.state.calls
