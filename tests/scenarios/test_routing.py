"""Bridges and conferences: what the worker is told, what owners hear, what ends what."""

from collections.abc import Generator

import msgspec
import pytest

from bus.calls import HangUp, Play, Record
from bus.codec import decode_body
from bus.envelope import Done, Refused
from bus.holding import Hold, Resume
from bus.ids import CallId, StreamId
from bus.protocol import Command, Reply
from bus.routing import (
    Bridge,
    Bridged,
    ConferenceEnded,
    Conferences,
    EndConference,
    GetPosition,
    Join,
    Leave,
    ListConferences,
    MemberChanged,
    OpenConference,
    Opened,
    PauseRecording,
    PlayConference,
    Position,
    Queue,
    RecordConference,
    Turn,
    Unbridge,
    Unbridged,
)
from bus.sources import Music, Tone, Wave
from tests.harness.arena import Arena
from tests.harness.worker import Stream

REPLIES: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


@pytest.fixture(autouse=True)
def _over(arena: Arena) -> Generator[None]:
    """Hang up all that is left."""
    yield
    for call in list(arena.alice.state.calls):
        arena.alice.send(HangUp(call=call))


def ask(arena: Arena, command: Command) -> Done | Refused:
    """Let Alice ask, and wait for the reply, and a moment."""
    number = arena.alice.send(command)
    arena.network.run(until=lambda: number in arena.alice.replies)
    arena.network.run(seconds=0.1)
    return arena.alice.replies[number]


def told(arena: Arena, command: Command) -> Reply:
    reply = ask(arena, command)
    assert isinstance(reply, Done), reply
    return decode_body(REPLIES, reply.body)


def refusal(arena: Arena, command: Command) -> str:
    reply = ask(arena, command)
    assert isinstance(reply, Refused), reply
    return f"{reply.code}: {reply.reason}"


def calls(arena: Arena, count: int) -> list[CallId]:
    """Let Alice place so many calls."""
    return [arena.call()[0] for _ in range(count)]


def streams(arena: Arena) -> list[Stream]:
    """Return Alice's streams, in the order of her calls (a room: port 0)."""
    return list(arena.alice.worker.streams.values())


def names(arena: Arena) -> list[StreamId]:
    return list(arena.alice.worker.streams)


def partners(arena: Arena) -> list[int]:
    """Return for each of Alice's streams which of them it hears, -1 if none."""
    return [
        names(arena).index(each.connected.other or each.connected.room) if each.connected else -1
        for each in streams(arena)
    ]


# ----------------------------------------------------------------------------------- bridges


def test_two_calls_hear_each_other_until_parted(arena: Arena) -> None:
    one, two = calls(arena, 2)
    told(arena, Bridge(call=one, other=two))
    assert partners(arena) == [1, 0]
    assert arena.alice.heard(Bridged) == [
        Bridged(call=one, other=two),
        Bridged(call=two, other=one),
    ]
    told(arena, Unbridge(call=two))
    assert partners(arena) == [-1, -1]
    assert {(event.call, event.reason) for event in arena.alice.heard(Unbridged)} == {
        (one, "asked"),
        (two, "asked"),
    }
    assert "wrong_state" in refusal(arena, Unbridge(call=one))


def test_a_bridge_ends_with_either_call(arena: Arena) -> None:
    one, two = calls(arena, 2)
    told(arena, Bridge(call=one, other=two))
    told(arena, HangUp(call=one))
    arena.network.run(seconds=1)
    assert streams(arena)[1].connected is None
    last = arena.alice.heard(Unbridged)[-1]
    assert (last.call, last.other, last.reason) == (two, one, "ended")


def test_who_is_bridged_elsewhere_leaves_the_other_alone(arena: Arena) -> None:
    one, two, three = calls(arena, 3)
    told(arena, Bridge(call=one, other=two))
    told(arena, Bridge(call=one, other=three))
    assert partners(arena) == [2, -1, 0]
    assert [event.reason for event in arena.alice.heard(Unbridged)] == ["elsewhere"] * 2
    told(arena, Bridge(call=one, other=three))
    assert len(arena.alice.heard(Bridged)) == 4, "done again, it is what it was"


def test_a_bridge_survives_hold(arena: Arena) -> None:
    one, two = calls(arena, 2)
    told(arena, Bridge(call=one, other=two))
    told(arena, Hold(call=one))
    assert streams(arena)[0].music == Music()
    assert partners(arena) == [1, 0]
    told(arena, Resume(call=one))
    assert streams(arena)[0].music is None
    assert not arena.alice.heard(Unbridged)


def test_what_cannot_be_bridged(arena: Arena) -> None:
    (one,) = calls(arena, 1)
    assert "not_found" in refusal(arena, Bridge(call=one, other=CallId("nobody")))
    assert "itself" in refusal(arena, Bridge(call=one, other=one))
    ringing = arena.alice.dial("sip:bob@192.0.2.2")
    assert "not up" in refusal(arena, Bridge(call=one, other=ringing))


# ------------------------------------------------------------------------------- conferences


def conference(arena: Arena, members: list[CallId], *, until_empty: bool = True) -> str:
    opened = told(arena, OpenConference(until_empty=until_empty))
    assert isinstance(opened, Opened)
    for call in members:
        told(arena, Join(conference=opened.conference, call=call))
    return opened.conference


def listed(arena: Arena) -> Conferences:
    found = told(arena, ListConferences())
    assert isinstance(found, Conferences)
    return found


def test_a_conference_of_three_ends_when_all_have_left(arena: Arena) -> None:
    members = calls(arena, 3)
    name = conference(arena, members)
    room = names(arena)[3]
    assert [each.connected and each.connected.room for each in streams(arena)[:3]] == [room] * 3
    assert [each.call for each in listed(arena).conferences[0].members] == members
    told(arena, Leave(call=members[0]))
    told(arena, HangUp(call=members[1]))
    assert arena.alice.heard(ConferenceEnded) == []
    told(arena, Leave(call=members[2]))
    assert arena.alice.heard(ConferenceEnded) == [ConferenceEnded(conference=name, reason="empty")]
    assert streams(arena)[3].closed
    left = [(each.call, each.reason) for each in arena.alice.heard(MemberChanged) if not each.role]
    assert left == [(members[0], "asked"), (members[1], "ended"), (members[2], "asked")]


def test_roles_gain_and_mute(arena: Arena) -> None:
    agent, caller, coach = calls(arena, 3)
    name = conference(arena, [agent])
    told(arena, Join(conference=name, call=caller, gain=-6.0206))
    told(arena, Join(conference=name, call=coach, role="whisper", to=agent))
    connected = [each.connected for each in streams(arena)[:3]]
    assert all(connected)
    gains = [each.gain for each in connected if each]
    assert gains == pytest.approx([1.0, 0.5, 1.0], abs=1e-4)
    assert connected[2] is not None
    assert connected[2].whispers_to == names(arena)[0]
    told(arena, Join(conference=name, call=caller, muted=True))
    told(arena, Join(conference=name, call=coach, role="listen"))
    assert [each.connected.gain for each in streams(arena)[:3] if each.connected] == [1, 0, 0]
    told(arena, EndConference(conference=name))
    assert [each.connected for each in streams(arena)[:3]] == [None] * 3


def test_playing_and_recording_in_a_room(arena: Arena) -> None:
    (one,) = calls(arena, 1)
    name = conference(arena, [one])
    told(arena, PlayConference(conference=name, source=Tone(440)))
    told(arena, RecordConference(conference=name, path="/r.wav"))
    room = streams(arena)[1]
    assert (room.plays, room.record, room.layout) == ([Tone(440)], "/r.wav", "mixed")
    told(arena, EndConference(conference=name))
    assert room.closed


def test_who_is_bridged_leaves_the_conference(arena: Arena) -> None:
    one, two = calls(arena, 2)
    name = conference(arena, [one, two], until_empty=False)
    told(arena, Bridge(call=one, other=two))
    assert partners(arena)[:2] == [1, 0]
    assert [info.members for info in listed(arena).conferences] == [()]
    told(arena, Join(conference=name, call=one))
    assert [event.reason for event in arena.alice.heard(Unbridged)] == ["elsewhere"] * 2
    told(arena, EndConference(conference=name))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"role": "shout"}, "role"),
        ({"role": "whisper"}, "to: a member that whispers"),
        ({"to": CallId("x")}, "to: a member that whispers"),
        ({"role": "whisper", "to": CallId("x")}, "no other member"),
        ({"gain": 41.0}, "gain"),
        ({"gain": float("nan")}, "gain"),
    ],
)
def test_who_cannot_join(arena: Arena, changes: dict[str, object], why: str) -> None:
    (one,) = calls(arena, 1)
    name = conference(arena, [], until_empty=False)
    join = msgspec.structs.replace(Join(conference=name, call=one), **changes)
    assert why in refusal(arena, join)
    assert "no conference" in refusal(arena, Join(conference="none", call=one))
    told(arena, EndConference(conference=name))


# ----------------------------------------------------------------------------- a single call


def test_gain_queue_position_and_pause(arena: Arena) -> None:
    (one,) = calls(arena, 1)
    stream = streams(arena)[0]
    told(arena, Turn(call=one, received=6.0206, mute_sent=True))
    assert stream.gains == pytest.approx((2.0, 0.0), abs=1e-4)
    told(arena, Turn(call=one, sent=-6.0206))
    assert stream.gains == pytest.approx((2.0, 0.0), abs=1e-4), "what is not said stays"
    told(arena, Turn(call=one, mute_sent=False))
    assert stream.gains == pytest.approx((2.0, 0.5), abs=1e-4)
    assert "bad_request" in refusal(arena, Turn(call=one, received=99.0))
    for path in ("/a.wav", "/b.wav"):
        told(arena, Queue(call=one, source=Wave(path)))
    assert stream.queue == [Wave("/a.wav"), Wave("/b.wav")]
    assert told(arena, GetPosition(call=one)) == Position(seconds=1.5, waiting=2)
    told(arena, Record(call=one, path="/r.wav", layout="mixed"))
    assert (stream.record, stream.layout) == ("/r.wav", "mixed")
    assert "layout" in refusal(arena, Record(call=one, path="/r.wav", layout="quad"))
    told(arena, PauseRecording(call=one))
    assert stream.paused
    told(arena, Play(call=one, source=Tone(440)))
