"""Calls that different workers carry hear each other through a link between these."""

import pytest

from bus.calls import HangUp
from bus.envelope import Done, Refused
from bus.ids import CallId
from bus.routing import (
    Bridge,
    Bridged,
    ConferenceEnded,
    Join,
    MemberChanged,
    OpenConference,
    Opened,
    Unbridge,
    Unbridged,
)
from bus.transfers import Replaced
from signaling.effects import WorkerDied
from tests.harness.arena import Arena
from tests.harness.worker import StandInWorker, Stream
from tests.scenarios.test_replaces import Newcomer, dialog_of
from tests.scenarios.test_routing import refusal, told
from tests.scenarios.transferring import TO_ALICE, Transferor, answers, is_up

PID = 4712
"""Of the other worker."""


def apart(arena: Arena, codecs: tuple[str, ...] = ()) -> tuple[StandInWorker, CallId, CallId]:
    """Let Alice place a call on each of two workers; return the other worker, too."""
    one, _ = arena.call()
    other = arena.alice.add_worker("w1", pid=PID, codecs=codecs)
    two, _ = arena.call()
    carriers = [arena.alice.state.calls[call].leg.worker for call in (one, two)]
    assert carriers == ["w0", "w1"]
    return other, one, two


def ends(arena: Arena, other: StandInWorker) -> tuple[Stream, Stream]:
    """Return the ends of the only link, the one on w0 first."""
    return list(arena.alice.worker.streams.values())[-1], list(other.streams.values())[-1]


def over(arena: Arena, other: StandInWorker, calls: int) -> None:
    """No link is left, and each call hears nobody; then hang up."""
    assert not arena.alice.state.links
    running = [*arena.alice.worker.open_streams, *other.open_streams]
    assert [each.connected for each in running] == [None] * calls
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


@pytest.mark.parametrize(
    ("codecs", "codec", "clock"),
    [((), "L16", 16000), (("PCMU/8000", "PCMA/8000"), "PCMU", 8000)],
)
def test_a_bridge_leads_through_a_link(
    arena: Arena, codecs: tuple[str, ...], codec: str, clock: int
) -> None:
    other, one, two = apart(arena, codecs)
    told(arena, Bridge(call=one, other=two))
    assert len(arena.alice.heard(Bridged)) == 2
    near, far = ends(arena, other)
    for end, peer in ((near, far), (far, near)):
        (remote,) = end.remotes
        assert (remote.address, remote.port) == ("127.0.0.1", peer.port)
        assert (remote.codec, remote.clock) == (codec, clock)
        assert remote.events_payload_type == -1
    for worker in (arena.alice.worker, other):
        leg, inner = worker.streams
        connected = worker.streams[leg].connected
        assert connected is not None
        assert connected.other == inner
    told(arena, Bridge(call=two, other=one))
    assert len(other.streams) == 2, "done again, it is what it was"
    told(arena, Unbridge(call=two))
    assert near.closed
    assert far.closed
    over(arena, other, 2)


@pytest.mark.parametrize("who", [0, 1])
def test_the_link_ends_with_either_call(arena: Arena, who: int) -> None:
    other, *calls = apart(arena)
    told(arena, Bridge(call=calls[0], other=calls[1]))
    told(arena, HangUp(call=calls[who]))
    arena.network.run(seconds=1.0)
    assert {event.reason for event in arena.alice.heard(Unbridged)} == {"ended"}
    over(arena, other, 1)


def test_a_bridge_asked_and_taken_back_at_once(arena: Arena) -> None:
    """Before the ends are open."""
    other, one, two = apart(arena)
    number = arena.alice.send(Bridge(call=one, other=two))
    told(arena, Unbridge(call=one))
    assert isinstance(arena.alice.replies[number], Refused)
    over(arena, other, 2)


def test_a_worker_refuses_the_end_of_a_link(arena: Arena) -> None:
    other, one, two = apart(arena)
    other.refusal = "no_capacity", "full after all"
    assert "full after all" in refusal(arena, Bridge(call=one, other=two))
    assert {event.reason for event in arena.alice.heard(Unbridged)} == {"refused"}
    over(arena, other, 2)


def test_a_worker_does_not_answer(arena: Arena) -> None:
    other, one, two = apart(arena)
    other.silent = True
    number = arena.alice.send(Bridge(call=one, other=two))
    arena.network.run(seconds=2.5)
    assert number in arena.alice.replies
    assert {event.reason for event in arena.alice.heard(Unbridged)} == {"refused"}
    other.silent = False
    del arena.alice.workers["w1"]
    arena.alice.feed(WorkerDied(PID))
    over(arena, other, 2)


def test_no_stream_is_left_for_a_link(arena: Arena) -> None:
    other, one, two = apart(arena)
    other.draining = True
    arena.network.run(seconds=1.1)
    reason = refusal(arena, Bridge(call=one, other=two))
    assert "no_capacity" in reason
    assert "near=" in reason
    assert not arena.alice.heard(Bridged)
    over(arena, other, 2)


def test_near_places_a_call_beside_another_one(arena: Arena) -> None:
    """Also where the other worker has more room."""
    _, one, two = apart(arena)
    for near, carrier in ((two, "w1"), (two, "w1"), (one, "w0")):
        call, _ = arena.call(near=near)
        assert arena.alice.state.calls[call].leg.worker == carrier
    opened = told(arena, OpenConference(near=two))
    assert isinstance(opened, Opened)
    call, _ = arena.call(near=opened.conference)
    assert arena.alice.state.calls[call].leg.worker == "w1"
    told(arena, Join(conference=opened.conference, call=call))
    assert not arena.alice.state.links
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


# ------------------------------------------------------------------------------- conferences


def confer(arena: Arena, *members: CallId) -> str:
    opened = told(arena, OpenConference())
    assert isinstance(opened, Opened)
    for call in members:
        told(arena, Join(conference=opened.conference, call=call))
    return opened.conference


def test_a_conference_has_members_of_other_workers(arena: Arena) -> None:
    other, one, two = apart(arena)
    name = confer(arena, two, one)
    near, far = ends(arena, other)
    room = arena.alice.state.conferences[name].stream
    assert far.connected is not None
    assert (far.connected.room, far.connected.gain) == (room, 1.0)
    assert near.connected is not None
    told(arena, Join(conference=name, call=one, role="whisper", to=two))
    assert far.connected.whispers_to == next(iter(other.streams))
    told(arena, Join(conference=name, call=one, muted=True))
    told(arena, Join(conference=name, call=two, role="whisper", to=one))
    connected = next(iter(other.streams.values())).connected
    assert connected is not None
    assert connected.whispers_to == list(other.streams)[-1], "the link's end stands for the call"
    assert far.connected.gain == 0
    told(arena, HangUp(call=two))
    told(arena, HangUp(call=one))
    arena.network.run(seconds=1.0)
    assert [event.reason for event in arena.alice.heard(ConferenceEnded)] == ["empty"]
    over(arena, other, 0)


def test_a_worker_is_lost_with_the_conference_it_carries(arena: Arena) -> None:
    other, one, two = apart(arena)
    confer(arena, two, one)
    other.silent = True
    del arena.alice.workers["w1"]
    arena.alice.feed(WorkerDied(PID))
    arena.network.run(seconds=1.0)
    (ended,) = arena.alice.heard(ConferenceEnded)
    assert ended.reason == "media worker w1 was lost"
    left = [event.call for event in arena.alice.heard(MemberChanged) if not event.role]
    assert sorted(left) == sorted([one, two])
    assert one in arena.alice.state.calls
    assert two not in arena.alice.state.calls
    for stream in other.streams.values():
        stream.closed = True
    over(arena, other, 1)


def test_a_worker_is_lost_with_the_end_of_a_link(arena: Arena) -> None:
    other, one, two = apart(arena)
    told(arena, Bridge(call=one, other=two))
    del arena.alice.workers["w1"]
    arena.alice.feed(WorkerDied(PID))
    arena.network.run(seconds=1.0)
    assert {event.reason for event in arena.alice.heard(Unbridged)} == {"ended"}
    for stream in other.streams.values():
        stream.closed = True
    over(arena, other, 1)


# ---------------------------------------------------------------------- who takes a place


@pytest.mark.parametrize("drained", [False, True], ids=["beside", "elsewhere"])
def test_who_takes_the_place_of_a_call_is_bridged_instead(arena: Arena, drained: bool) -> None:
    """Beside the one that it replaces; on the other worker if that one takes no more."""
    answers(arena.alice)
    bob, dave = arena.bob, Transferor(arena)
    other = bob.add_worker("w1", pid=PID)
    partner = bob.dial(TO_ALICE)
    arena.network.run(until=lambda: is_up(bob, partner))
    number = bob.send(Bridge(call=dave.call, other=partner))
    arena.network.run(seconds=0.1)
    assert isinstance(bob.replies[number], Done)
    bob.worker.draining = drained
    arena.network.run(seconds=1.1)
    erin = Newcomer(arena)
    assert erin.replace(dialog_of(dave)).status == 200
    (replaced,) = bob.heard(Replaced)
    call = bob.state.calls[replaced.by]
    assert (call.bridged, bob.state.calls[partner].bridged) == (partner, replaced.by)
    assert list(bob.state.links) == ([] if drained else [replaced.by])
    assert len(bob.worker.open_streams) == (0 if drained else 2)
    assert len(other.open_streams) == 2
    assert all(each.connected for each in [*bob.worker.open_streams, *other.open_streams])
    bob.hang_up_all()
    arena.network.run(seconds=1.0)
    assert not bob.state.links
