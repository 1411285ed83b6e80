"""Scenario 25: reliable provisional responses, both ways, over good and bad networks (RFC 3262)."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest

from bus.calls import (
    Answer,
    Answered,
    Ended,
    HangUp,
    IncomingCall,
    Outcome,
    Progress,
    Reject,
    Ring,
)
from bus.errors import WrongStateError
from bus.holding import Hold
from bus.ids import CallId
from bus.settings import Settings, SipSettings
from bus.sources import Silence, Tone
from signaling.effects import FromWorker, WorkerDied
from signaling.sip.message import Header, Request, Response, every, first
from signaling.sip.parse import parse_message
from tests.harness.arena import BOB, CAROL, TO_BOB, TO_CAROL, Arena
from tests.harness.network import Path, Uniform, delay, double, drop, starts
from tests.harness.puppet import Caller, Puppet
from tests.harness.worker import StandInWorker
from tests.signaling.carol import MEDIA, caller, heard
from tests.signaling.sdp.bodies import audio

EARLY = audio("0 101", address=CAROL, port=40000)
SUPPORTED = [("Supported", "100rel")]
REQUIRED = [("Require", "100rel")]
RINGBACK = Tone(frequency=425.0)


# ------------------------------------------------------------------------ between two of ours


def early_call(arena: Arena, **options: object) -> tuple[CallId, CallId]:
    """Let Alice call Bob, who plays early media, rings and answers."""

    def incoming(event: IncomingCall) -> None:
        bob, call = arena.bob, event.call
        bob.later(0.1, lambda: bob.send(Ring(call=call, status=183, play=RINGBACK)))
        bob.later(0.2, lambda: bob.send(Ring(call=call)))
        bob.later(0.3, lambda: bob.send(Answer(call=call)))

    arena.bob.react(IncomingCall, incoming)
    mine = arena.alice.dial(TO_BOB, **options)
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered) and arena.bob.heard(Answered)))
    return mine, arena.bob.heard(Answered)[-1].call


def end(arena: Arena) -> None:
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


def test_early_media_are_acknowledged_and_the_answer_says_the_same(arena: Arena) -> None:
    early_call(arena)
    assert arena.network.ladder.labels() == [
        "INVITE 1 (sendrecv)",
        "100 INVITE 1",
        "183 INVITE 1 (sendrecv)",
        "PRACK 2",
        "200 PRACK 2",
        "180 INVITE 1",
        "200 INVITE 1 (sendrecv)",
        "ACK 1",
    ]
    bodies = {r.body for r in responses(arena) if r.body}
    assert len(bodies) == 1
    assert [(p.status, p.early_media) for p in arena.alice.heard(Progress)] == [
        (183, True),
        (180, True),
    ]
    (hers,), (his,) = arena.alice.worker.open_streams, arena.bob.worker.open_streams
    assert len(hers.remotes) == len(his.remotes) == 1
    assert his.plays == [RINGBACK, Silence()]
    end(arena)


def responses(arena: Arena) -> list[Response]:
    """Return the responses to the INVITE that Alice got."""
    found = [parse_message(rung.datagram) for rung in arena.network.ladder.rungs]
    return [
        message
        for message in found
        if isinstance(message, Response) and (first(message, "CSeq") or "").endswith("INVITE")
    ]


@pytest.mark.parametrize(
    ("reliable", "setting", "pracks"),
    [
        ("supported", "with_media", 1),
        ("supported", "always", 2),
        ("supported", "when_required", 0),
        ("required", "when_required", 2),
        ("required", "with_media", 2),
        ("off", "always", 0),
        ("supported", "never", 0),
    ],
)
def test_what_is_sent_reliably(arena: Arena, reliable: str, setting: str, pracks: int) -> None:
    arena.bob = arena.station("bob", BOB, settings=Settings(sip=SipSettings(reliable=setting)))
    early_call(arena, reliable=reliable)
    assert len(arena.network.ladder.times("PRACK", "alice")) == pracks
    end(arena)


def test_an_engine_that_never_does_it_says_so(arena: Arena) -> None:
    arena.station("bob", BOB, settings=Settings(sip=SipSettings(reliable="never")))
    arena.alice.dial(TO_BOB, reliable="required")
    arena.network.run(seconds=1.0)
    assert arena.alice.ended().status == 420
    carol = caller(arena)
    carol.send(carol.request("OPTIONS"))
    arena.network.run(until=lambda: bool(carol.puppet.responses))
    said = every(carol.puppet.responses[0], "Supported")
    assert "timer" in said
    assert "100rel" not in said


@pytest.mark.parametrize("seed", range(6))
def test_reliable_responses_over_a_bad_network(arena: Arena, seed: int) -> None:
    """Every response arrives, once and in its order, whatever is lost, doubled or overtaken."""
    arena.network.chance.seed(seed)
    for way in (arena.link("alice", "bob"), arena.link("bob", "alice")):
        way.loss, way.jitter, way.duplicate, way.reorder = Uniform(0.3), 0.05, 0.2, 0.2

    def incoming(event: IncomingCall) -> None:
        bob, call = arena.bob, event.call
        for place, status in enumerate((183, 180, 181, 182)):
            early = RINGBACK if status == 183 else None
            ring = Ring(call=call, status=status, play=early)
            bob.later(0.1 + place / 100, lambda ring=ring: bob.send(ring))  # type: ignore[misc]
        bob.later(25.0, lambda: bob.send(Answer(call=call)))

    arena.bob.react(IncomingCall, incoming)
    arena.alice.dial(TO_BOB, reliable="required")
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered) and arena.bob.heard(Answered)))
    statuses = [progress.status for progress in arena.alice.heard(Progress)]
    assert statuses == [183, 180, 181, 182][: len(statuses)]
    assert statuses[:2] == [183, 180], seed
    assert len(arena.alice.worker.open_streams[0].remotes) == 1
    for way in (arena.link("alice", "bob"), arena.link("bob", "alice")):
        way.loss, way.duplicate = Uniform(), 0.0
    arena.network.run(seconds=35.0)
    end(arena)


def test_a_lost_prack_and_a_lost_answer_to_it(arena: Arena) -> None:
    arena.link("alice", "bob").rules.append(drop(starts(b"PRACK"), 1, 2))
    arena.link("bob", "alice").rules.append(double(starts(b"SIP/2.0 183")))
    early_call(arena)
    assert len(arena.network.ladder.times("PRACK", "alice")) == 3
    assert [progress.status for progress in arena.alice.heard(Progress)] == [183, 180]
    end(arena)


def test_the_200_waits_for_the_prack_of_its_answer(arena: Arena) -> None:
    arena.link("alice", "bob").rules.append(delay(starts(b"PRACK"), 2.0))
    early_call(arena)
    (prack,) = arena.network.ladder.times("200 PRACK", "bob")[:1]
    (answered,) = arena.network.ladder.times("200 INVITE", "bob")[:1]
    assert answered == prack > 2.0
    end(arena)


# ------------------------------------------------------------------- we call, by hand they answer


def call_carol(
    arena: Arena, *turns: tuple[int, Sequence[Header], bytes], prack: int = 200
) -> Puppet:
    """Let Carol answer the INVITE with these, a tenth of a second apart."""

    def handler(puppet: Puppet, request: Request, _: Path) -> None:
        if request.method == "INVITE":
            for place, (status, headers, body) in enumerate(turns):
                puppet.later(
                    place / 10,
                    lambda s=status, h=headers, b=body: puppet.answer(  # type: ignore[misc]
                        request, s, headers=h, body=b
                    ),
                )
        elif request.method == "PRACK":
            puppet.answer(request, prack)
        elif request.method in ("BYE", "CANCEL"):
            puppet.answer(request, 200)

    carol = arena.puppet("carol", CAROL, handler)
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=2.0)
    return carol


def numbered(number: int) -> list[Header]:
    return [("Require", "100rel"), ("RSeq", str(number))]


def racks(carol: Puppet) -> list[str | None]:
    return [first(request, "RAck") for request in carol.of("PRACK")]


def test_each_response_is_acknowledged_once_and_in_order(arena: Arena) -> None:
    carol = call_carol(
        arena,
        (183, numbered(776656), EARLY),
        (183, numbered(776656), EARLY),
        (182, numbered(776658), b""),  # overtook 776657: it will come again
        (180, numbered(776657), b""),
        (182, numbered(776658), b""),
        (180, numbered(776657), b""),
        (200, (), b""),
    )
    assert racks(carol) == ["776656 1 INVITE", "776657 1 INVITE", "776658 1 INVITE"]
    assert [p.status for p in arena.alice.heard(Progress)] == [183, 180, 182]
    assert arena.alice.heard(Answered)
    request = carol.of("PRACK")[0]
    assert request.uri == f"sip:carol@{CAROL}:5060"
    assert (first(request, "To") or "").endswith("tag=puppet")
    end(arena)


def test_a_response_that_is_not_reliable_is_not_acknowledged(arena: Arena) -> None:
    carol = call_carol(arena, (183, [("RSeq", "7")], EARLY), (180, REQUIRED, b""), (200, (), b""))
    assert not carol.of("PRACK")
    assert [p.status for p in arena.alice.heard(Progress)] == [183, 180]
    end(arena)


@pytest.mark.parametrize("status", [481, 500])
def test_a_prack_that_is_refused_ends_nothing(arena: Arena, status: int) -> None:
    call_carol(arena, (183, numbered(1), EARLY), (200, (), EARLY), prack=status)
    assert arena.alice.heard(Answered)
    assert not arena.alice.heard(Ended)
    end(arena)


def test_a_prack_follows_the_route_of_its_early_dialog(arena: Arena) -> None:
    """And the 2xx sets the route anew (RFC 3261 13.2.2.4)."""
    early = [("Record-Route", f"<sip:{CAROL};lr;early>"), *numbered(1)]
    final = [("Record-Route", f"<sip:{CAROL};lr;final>")]
    carol = call_carol(arena, (183, early, EARLY), (200, final, b""))
    end(arena)
    routes = [every(carol.of(method)[0], "Route") for method in ("PRACK", "ACK", "BYE")]
    assert routes == [[f"<sip:{CAROL};lr;{which}>"] for which in ("early", "final", "final")]
    assert [first(carol.of(m)[0], "CSeq") for m in ("PRACK", "ACK", "BYE")] == [
        "2 PRACK",
        "1 ACK",
        "3 BYE",
    ]


def test_a_reliable_response_to_a_reinvite(arena: Arena) -> None:
    """We say that we support it in every INVITE, so a later one may be answered so too."""
    moved = audio("0 101", address=CAROL, port=50000, version=2)

    def handler(puppet: Puppet, request: Request, _: Path) -> None:
        again = len({first(r, "CSeq") for r in puppet.of("INVITE")}) > 1
        if request.method == "INVITE" and again:
            puppet.answer(request, 183, headers=numbered(9), body=moved)
            puppet.answer(request, 183, headers=numbered(9), body=moved)
            puppet.later(0.2, lambda: puppet.answer(request, 200))
        elif request.method == "INVITE":
            puppet.answer(request, 200, body=EARLY)
        elif request.method in ("BYE", "PRACK"):
            puppet.answer(request, 200)

    carol = arena.puppet("carol", CAROL, handler)
    call = arena.alice.dial(TO_CAROL)
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)))
    arena.alice.send(Hold(call=call))
    arena.network.run(seconds=1.0)
    assert racks(carol) == ["9 2 INVITE"]
    assert [first(r, "CSeq") for r in carol.of("ACK")] == ["1 ACK", "2 ACK"]
    (stream,) = arena.alice.worker.open_streams
    assert [remote.port for remote in stream.remotes] == [40000, 50000]
    assert not arena.alice.heard(Ended)
    end(arena)


def test_what_an_invite_says_of_reliability(arena: Arena) -> None:
    carol = arena.puppet("carol", CAROL, lambda p, r, _: p.answer(r, 486))
    for reliable in ("off", "supported", "required"):
        arena.alice.dial(TO_CAROL, reliable=reliable)
        arena.network.run(seconds=1.0)
    said = [
        ("100rel" in every(r, "Supported"), "100rel" in every(r, "Require"))
        for r in carol.of("INVITE")
    ]
    assert said == [(False, False), (True, False), (True, True)]


# ------------------------------------------------------------------- by hand they call, we answer


def invited(
    arena: Arena, *, headers: Sequence[Header] = SUPPORTED, body: bytes = MEDIA
) -> tuple[Caller, CallId]:
    """Let Carol call Bob, who thinks about it."""
    carol = caller(arena)
    carol.send(carol.request("INVITE", body=body, headers=headers))
    arena.network.run(until=lambda: bool(carol.puppet.responses))  # the 100
    return carol, arena.bob.heard(IncomingCall)[0].call


def provisional(arena: Arena, carol: Caller, ring: Ring) -> Response:
    """Let Bob ring; return what Carol hears."""
    before = len(carol.puppet.responses)
    arena.bob.send(ring)
    arena.network.run(until=lambda: len(carol.puppet.responses) > before)
    response = carol.puppet.responses[-1]
    carol.learn(response)
    return response


def prack(
    arena: Arena, carol: Caller, response: Response, *, body: bytes = b"", shift: int = 0
) -> Response:
    """Let Carol acknowledge a response; return what that is answered with."""
    number = int(first(response, "RSeq") or "0") + shift
    rack = ("RAck", f"{number} {first(response, 'CSeq')}")
    carol.send(carol.request("PRACK", headers=[rack], body=body))
    arena.network.run(until=lambda: bool(heard(carol, carol.number, "PRACK")))
    return heard(carol, carol.number, "PRACK")[-1]


def hang_up(arena: Arena) -> None:
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


def answer(arena: Arena, carol: Caller, call: CallId) -> Response:
    """Let Bob answer; return his 200, acknowledged."""
    arena.bob.send(Answer(call=call))
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    carol.acknowledge(1)
    arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))
    return heard(carol, 1)[-1]


def test_a_caller_that_requires_it_gets_every_response_reliably(arena: Arena) -> None:
    carol, call = invited(arena, headers=REQUIRED)
    assert carol.puppet.responses[0].status == 100
    assert first(carol.puppet.responses[0], "RSeq") is None
    ringing = provisional(arena, carol, Ring(call=call, headers=(("X-Hue", "red"),)))
    assert (ringing.status, every(ringing, "Require")) == (180, ["100rel"])
    assert first(ringing, "X-Hue") == "red"
    assert first(ringing, "Contact")
    assert prack(arena, carol, ringing).status == 200
    second = provisional(arena, carol, Ring(call=call, status=182))
    assert int(first(second, "RSeq") or "") == int(first(ringing, "RSeq") or "") + 1
    assert prack(arena, carol, second).status == 200
    assert answer(arena, carol, call).body
    hang_up(arena)


def test_a_response_is_repeated_until_its_prack(arena: Arena) -> None:
    carol, call = invited(arena, headers=REQUIRED)
    ringing = provisional(arena, carol, Ring(call=call))
    arena.network.run(seconds=4.0)
    assert prack(arena, carol, ringing).status == 200
    arena.network.run(seconds=20.0)
    times = arena.network.ladder.times("180 INVITE", "bob")
    assert [round(b - a, 6) for a, b in pairwise(times)] == [0.5, 1.0, 2.0]
    hang_up(arena)


def test_a_prack_that_never_comes_ends_the_call(arena: Arena) -> None:
    carol, call = invited(arena, headers=REQUIRED)
    provisional(arena, carol, Ring(call=call))
    started = arena.network.elapsed
    arena.network.run(until=lambda: bool(arena.bob.heard(Ended)))
    assert 31.9 < arena.network.elapsed - started < 32.1
    assert arena.bob.ended().outcome is Outcome.FAILED
    arena.network.run(seconds=1.0)
    assert heard(carol, 1)[-1].status == 504
    carol.acknowledge(1)


@pytest.mark.parametrize("shift", [-1, 1])
def test_a_prack_of_another_number(arena: Arena, shift: int) -> None:
    carol, call = invited(arena, headers=REQUIRED)
    ringing = provisional(arena, carol, Ring(call=call))
    assert prack(arena, carol, ringing, shift=shift).status == 481
    assert prack(arena, carol, ringing).status == 200
    assert prack(arena, carol, ringing).status == 481
    hang_up(arena)


def test_a_prack_without_a_number(arena: Arena) -> None:
    carol, call = invited(arena, headers=REQUIRED)
    carol.learn(provisional(arena, carol, Ring(call=call)))
    carol.send(carol.request("PRACK"))
    arena.network.run(seconds=0.1)
    assert {r.status for r in heard(carol, 2, "PRACK")} == {400}
    hang_up(arena)


def test_a_prack_when_nothing_was_reliable(arena: Arena) -> None:
    carol, call = invited(arena)
    ringing = provisional(arena, carol, Ring(call=call))
    assert first(ringing, "RSeq") is None
    assert prack(arena, carol, ringing, shift=1).status == 481
    hang_up(arena)


def test_early_media_and_the_answer_before_the_prack(arena: Arena) -> None:
    carol, call = invited(arena)
    early = provisional(arena, carol, Ring(call=call, status=183, play=RINGBACK))
    arena.bob.send(Answer(call=call, record="/tmp/x.wav"))
    arena.network.run(seconds=0.2)
    assert not heard(carol, 1)
    assert prack(arena, carol, early).status == 200
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    assert heard(carol, 1)[-1].body == early.body
    carol.acknowledge(1)
    arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))
    (stream,) = arena.bob.worker.open_streams
    assert (stream.plays, stream.record) == ([RINGBACK, Silence()], "/tmp/x.wav")
    hang_up(arena)


def test_a_worker_that_is_lost_while_the_200_waits(arena: Arena) -> None:
    """The caller knows the port of a stream that is gone; another stream has another."""
    carol, call = invited(arena)
    early = provisional(arena, carol, Ring(call=call, status=183, play=RINGBACK))
    arena.bob.send(Answer(call=call))
    arena.bob.worker.streams.clear()
    arena.bob.worker.silent = True
    other = StandInWorker("w1")
    arena.bob.feed(FromWorker("other", other.hello()))
    arena.bob.feed(WorkerDied(4711))
    arena.network.run(seconds=0.1)
    assert heard(carol, 1)[-1].status == 503
    assert first(early, "RSeq")
    carol.acknowledge(1)


def test_a_200_need_not_wait_for_the_prack_of_a_mere_180(arena: Arena) -> None:
    carol, call = invited(arena, headers=REQUIRED)
    ringing = provisional(arena, carol, Ring(call=call))
    answer(arena, carol, call)
    assert prack(arena, carol, ringing).status == 200
    arena.network.run(seconds=5.0)
    assert len(arena.network.ladder.times("180 INVITE", "bob")) == 1
    hang_up(arena)


def test_an_offerless_invite_is_offered_to_early(arena: Arena) -> None:
    """RFC 3262 5: our offer in the 183, the answer in the PRACK, nothing in the 200."""
    carol, call = invited(arena, body=b"")
    early = provisional(arena, carol, Ring(call=call, status=183, play=RINGBACK))
    assert b"m=audio" in early.body
    assert not arena.bob.worker.open_streams[0].remotes
    assert prack(arena, carol, early, body=MEDIA).status == 200
    arena.network.run(seconds=0.1)
    assert [remote.port for remote in arena.bob.worker.open_streams[0].remotes] == [49170]
    assert not answer(arena, carol, call).body
    assert len(arena.bob.worker.open_streams[0].remotes) == 1
    hang_up(arena)


def test_a_prack_that_should_have_an_answer_in_it(arena: Arena) -> None:
    carol, call = invited(arena, body=b"")
    early = provisional(arena, carol, Ring(call=call, status=183, play=RINGBACK))
    assert prack(arena, carol, early).status == 488
    assert prack(arena, carol, early, body=MEDIA).status == 200
    hang_up(arena)


def test_an_offerless_caller_that_cannot_acknowledge(arena: Arena) -> None:
    carol, call = invited(arena, headers=(), body=b"")
    with pytest.raises(WrongStateError, match="no offer"):
        arena.bob.ask(Ring(call=call, status=183, play=RINGBACK))
    assert provisional(arena, carol, Ring(call=call)).status == 180
    hang_up(arena)


def test_an_offer_in_a_prack(arena: Arena) -> None:
    carol, call = invited(arena)
    early = provisional(arena, carol, Ring(call=call, status=183, play=RINGBACK))
    moved = audio("0 101", address=CAROL, version=2, port=49180)
    response = prack(arena, carol, early, body=moved)
    assert response.status == 200
    assert b"m=audio" in response.body
    arena.network.run(seconds=0.1)
    (stream,) = arena.bob.worker.open_streams
    assert [remote.port for remote in stream.remotes] == [49170, 49180]
    answer(arena, carol, call)
    assert len(stream.remotes) == 2
    hang_up(arena)


@pytest.mark.parametrize("how", ["reject", "hang up", "cancel", "bye"])
def test_an_end_while_a_prack_is_awaited(arena: Arena, how: str) -> None:
    carol, call = invited(arena)
    provisional(arena, carol, Ring(call=call, status=183, play=RINGBACK))
    if how == "reject":
        arena.bob.ask(Reject(call=call))
    elif how == "hang up":
        arena.bob.ask(HangUp(call=call))
    elif how == "bye":
        carol.send(carol.request("BYE"))
    else:
        invite = carol.puppet.responses[0]
        branch = (first(invite, "Via") or "").partition("branch=")[2].partition(";")[0]
        carol.tag = ""
        carol.uri = f"sip:bob@{BOB}"
        carol.send(carol.request("CANCEL", number=1, branch=branch))
    arena.network.run(seconds=0.3)
    status = {"reject": 486, "hang up": 603, "cancel": 487, "bye": 487}
    assert heard(carol, 1)[-1].status == status[how]
    sent = len(arena.network.ladder.times("183 INVITE", "bob"))
    arena.network.run(seconds=20.0)
    assert len(arena.network.ladder.times("183 INVITE", "bob")) == sent
    assert not arena.bob.worker.open_streams


def test_what_is_required_and_unknown(arena: Arena) -> None:
    carol = caller(arena)
    carol.send(carol.request("INVITE", body=MEDIA, headers=[("Require", "100rel, teleport")]))
    arena.network.run(seconds=0.5)
    (response,) = {r.status: r for r in heard(carol, 1)}.values()
    assert (response.status, every(response, "Unsupported")) == (420, ["teleport"])
    assert not arena.bob.heard(IncomingCall)


def test_state_with_a_response_under_way_can_be_encoded(arena: Arena) -> None:
    carol, call = invited(arena)
    provisional(arena, carol, Ring(call=call, status=183, play=RINGBACK))
    state = arena.bob.state.calls[call]
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=type(state))
    assert again.provisionals == state.provisionals
    hang_up(arena)


def test_only_an_invite_has_reliable_responses(arena: Arena) -> None:
    def peer(puppet: Puppet, request: Request, path: Path) -> None:
        if request.method == "INVITE":
            puppet.answer(request, 200, body=EARLY)
        elif request.method != "ACK":
            puppet.answer(request, 183, headers=[*REQUIRED, ("RSeq", "1")])
            puppet.answer(request, 200)

    carol = arena.puppet("carol", CAROL, peer)
    arena.alice.dial(TO_CAROL)
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)))
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    assert len(carol.of("BYE")) == 1
    assert carol.of("PRACK") == [], "RFC 3262 section 4: to a response to an INVITE"
