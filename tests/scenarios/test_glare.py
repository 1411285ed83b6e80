"""Scenario 17: both change the session at once, or one before the other is done (RFC 3261 14)."""

import pytest

from bus.calls import Ended
from bus.envelope import Done, Refused
from bus.holding import Hold, HoldChanged, Resume
from tests.harness.arena import Arena
from tests.harness.network import drop
from tests.harness.station import Station
from tests.signaling.callee import Callee, Says, media
from tests.signaling.carol import connected, heard


def told(station: Station) -> list[tuple[bool, bool]]:
    return [(event.local, event.remote) for event in station.heard(HoldChanged)]


def sent_at(arena: Arena, source: str) -> list[float]:
    """Return when a station sent re-INVITEs, copies not counted."""
    seen: dict[str, float] = {}
    for rung in arena.network.ladder.rungs:
        head, _, rest = rung.datagram.partition(b"\r\n")
        if rung.source == source and head.startswith(b"INVITE") and b"To: " in rest:
            via = rest.partition(b"\r\n")[0].decode()
            if b";tag=" in rest.partition(b"\r\nTo: ")[2].partition(b"\r\n")[0]:
                seen.setdefault(via, rung.at)
    return list(seen.values())


def refused_at(arena: Arena, source: str) -> list[float]:
    rungs = arena.network.ladder.rungs
    return [r.at for r in rungs if r.source == source and r.datagram.startswith(b"SIP/2.0 491")]


@pytest.mark.parametrize("loss", ["clean", "lossy"])
def test_both_hold_at_once(arena: Arena, loss: str) -> None:
    mine, theirs = arena.call()
    if loss == "lossy":
        for link in (arena.link("alice", "bob"), arena.link("bob", "alice")):
            link.jitter, link.reorder, link.duplicate = 0.05, 0.2, 0.1
    numbers = arena.alice.send(Hold(call=mine)), arena.bob.send(Hold(call=theirs))
    arena.network.run(
        until=lambda: numbers[0] in arena.alice.replies and numbers[1] in arena.bob.replies
    )
    arena.network.run(seconds=1.0)
    assert isinstance(arena.alice.replies[numbers[0]], Done)
    assert isinstance(arena.bob.replies[numbers[1]], Done)
    assert (told(arena.alice)[-1], told(arena.bob)[-1]) == ((True, True), (True, True))
    assert refused_at(arena, "alice")
    assert refused_at(arena, "bob")
    alices, bobs = sent_at(arena, "alice"), sent_at(arena, "bob")
    assert len(alices) == 2
    assert 2.1 <= alices[1] - alices[0] - 0.02 <= 4.3  # she made the Call-ID
    assert 0.0 <= bobs[1] - bobs[0] - 0.02 <= 2.3
    for link in (arena.link("alice", "bob"), arena.link("bob", "alice")):
        link.duplicate = 0.0
    arena.alice.hang_up_all()


@pytest.mark.parametrize("seconds", ["0", "3"])
def test_a_500_says_when_to_try_again(arena: Arena, seconds: str) -> None:
    carol = Callee(
        arena, Says(500, headers=(("Retry-After", seconds),)), Says(200, media("recvonly"))
    )
    number = arena.alice.send(Hold(call=carol.call))
    arena.network.run(until=lambda: number in arena.alice.replies)
    assert isinstance(arena.alice.replies[number], Done)
    before, after = sent_at(arena, "alice")
    assert int(seconds) <= after - before < int(seconds) + 0.1
    arena.alice.hang_up_all()


@pytest.mark.parametrize("headers", [(), (("Retry-After", "3600"),), (("Retry-After", "soon"),)])
def test_a_500_without_a_near_date_is_a_refusal(
    arena: Arena, headers: tuple[tuple[str, str], ...]
) -> None:
    carol = Callee(arena, Says(500, headers=headers))
    number = arena.alice.send(Hold(call=carol.call))
    arena.network.run(until=lambda: number in arena.alice.replies)
    assert isinstance(arena.alice.replies[number], Refused)
    assert not arena.alice.heard(Ended)
    arena.alice.hang_up_all()


def test_glare_does_not_go_on_for_ever(arena: Arena) -> None:
    carol = Callee(arena, *(Says(491) for _ in range(6)))
    number = arena.alice.send(Hold(call=carol.call))
    arena.network.run(until=lambda: number in arena.alice.replies)
    reply = arena.alice.replies[number]
    assert isinstance(reply, Refused)
    assert reply.reason.startswith("491")
    assert len(carol.asked) == 6
    assert not told(arena.alice)
    arena.alice.hang_up_all()


def test_the_peer_may_change_the_session_while_we_wait(arena: Arena) -> None:
    """It is answered as things are; our own offer then builds on what it agreed."""
    carol = Callee(arena, Says(491), Says(200, media("inactive", version=4)))
    number = arena.alice.send(Hold(call=carol.call))
    arena.network.run(until=lambda: len(carol.asked) == 1)
    arena.network.run(seconds=0.1)
    carol.request("INVITE", body=media("sendonly", version=3))
    arena.network.run(until=lambda: bool(carol.statuses(1, "INVITE")))
    assert b"\r\na=recvonly\r\n" in carol.puppet.responses[-1].body
    carol.request("ACK", number=1)
    arena.network.run(until=lambda: number in arena.alice.replies)
    assert isinstance(arena.alice.replies[number], Done)
    assert b"\r\na=inactive\r\n" in carol.asked[1].body
    assert told(arena.alice) == [(False, True), (True, True)]
    arena.alice.hang_up_all()


@pytest.mark.parametrize(
    ("method", "body"),
    [("INVITE", media("sendonly", version=3)), ("INVITE", b""), ("UPDATE", media("sendonly"))],
)
def test_while_our_offer_is_open_the_peers_is_glare(arena: Arena, method: str, body: bytes) -> None:
    """And the answer to ours, when it comes, is what counts."""
    carol = Callee(arena, Says(200, media("recvonly"), after=1.0))
    number = arena.alice.send(Hold(call=carol.call))
    arena.network.run(until=lambda: len(carol.asked) == 1)
    carol.request(method, body=body)
    arena.network.run(until=lambda: bool(carol.statuses(1, method)))
    assert carol.statuses(1, method) == [491]
    if method == "INVITE":
        carol.request("ACK", number=1)
    arena.network.run(until=lambda: number in arena.alice.replies)
    assert isinstance(arena.alice.replies[number], Done)
    assert told(arena.alice) == [(True, False)]
    arena.alice.hang_up_all()


def test_our_offer_waits_for_the_ack_of_the_peers(arena: Arena) -> None:
    carol = connected(arena)
    carol.send(carol.request("INVITE", body=media("sendonly")))
    arena.network.run(until=lambda: bool(heard(carol, 2)))
    (call,) = arena.bob.state.calls
    arena.bob.send(Hold(call=call))
    arena.network.run(seconds=0.3)
    assert not carol.puppet.of("INVITE")
    carol.acknowledge(2)
    arena.network.run(seconds=0.1)
    (invite,) = carol.puppet.of("INVITE")
    assert b"\r\na=inactive\r\n" in invite.body
    carol.puppet.answer(invite, 200, tag="theirs", body=media("inactive", version=3))
    arena.network.run(seconds=0.1)
    assert told(arena.bob) == [(False, True), (True, True)]
    arena.bob.hang_up_all()


def test_wishes_of_both_in_turn_under_loss(arena: Arena) -> None:
    """Whatever crosses and is lost: in the end both sides agree who holds whom."""
    mine, theirs = arena.call()
    chance, wished = arena.network.chance, dict[str, list[int]](alice=[], bob=[])
    links = arena.link("alice", "bob"), arena.link("bob", "alice")
    for link in links:
        link.jitter, link.reorder = 0.2, 0.2
        link.rules.append(drop(lambda _: chance.random() < 0.1))
    for _ in range(15):
        for station, call in ((arena.alice, mine), (arena.bob, theirs)):
            if chance.random() < 0.7:
                verb = Hold if chance.random() < 0.5 else Resume
                wished[station.name].append(station.send(verb(call=call)))
        arena.network.run(seconds=chance.random() * 4)
    arena.network.run(seconds=150.0)
    for station in (arena.alice, arena.bob):
        assert set(wished[station.name]) <= set(station.replies)
        assert not station.heard(Ended)
    (alice,), (bob,) = (station.state.live_calls() for station in (arena.alice, arena.bob))
    assert (alice.local_hold, alice.remote_hold) == (bob.remote_hold, bob.local_hold)
    for link in links:
        link.rules.clear()
    arena.alice.hang_up_all()
