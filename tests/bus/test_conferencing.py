import pytest

from bus.conferencing import Bridging, Conference, OwnConferences, unbridge
from bus.errors import NotFoundError, WrongStateError
from bus.ids import CallId, PeerId, WorkerId
from bus.routing import (
    Bridge,
    Bridged,
    ConferenceEnded,
    ConferenceInfo,
    Conferences,
    EndConference,
    Join,
    Leave,
    MemberChanged,
    PlayConference,
    RecordConference,
    Unbridge,
)
from bus.sources import Tone
from tests.bus.test_call import ID, Desk, outgoing, run

OTHER = CallId("c2")
NAME = "k1"


def conference(desk: Desk) -> tuple[Conference, OwnConferences]:
    own = OwnConferences()
    room = Conference(desk, NAME, own.forget)
    own.add(room)
    return room, own


def test_a_bridge_for_a_block_is_parted_at_its_end_unless_it_is_gone() -> None:
    async def scenario() -> None:
        desk = Desk()
        call, other = outgoing(desk), outgoing(desk)
        async with Bridging(desk, call, other):
            call.apply(Bridged(call=ID, other=other.id), 1.0)
        assert desk.asked == [Bridge(call=ID, other=ID), Unbridge(call=ID)]
        desk.asked.clear()
        call.bridged = CallId("")
        async with Bridging(desk, call, other):
            pass
        await Bridging(desk, call, other)
        assert desk.asked == [Bridge(call=ID, other=ID)] * 2
        desk.refusal = WrongStateError("it is not")
        await unbridge(desk, call, gone_is_well=True)
        with pytest.raises(WrongStateError):
            await unbridge(desk, call)

    run(scenario)


def test_members_join_are_muted_and_leave() -> None:
    async def scenario() -> None:
        desk = Desk()
        call = outgoing(desk)
        room, _ = conference(desk)
        with pytest.raises(WrongStateError, match="not in conference"):
            await room.mute(call)
        await room.add(call, gain=-3.0)
        call.apply(MemberChanged(call=ID, conference=NAME, role="speak"), 1.0)
        await room.mute(call)
        await room.mute(call, muted=False)
        await room.add(call, "whisper", to=call)
        await room.remove(call)
        join = Join(conference=NAME, call=ID, gain=-3.0)
        assert desk.asked == [
            join,
            Join(conference=NAME, call=ID, gain=-3.0, muted=True),
            join,
            Join(conference=NAME, call=ID, role="whisper", to=ID),
            Leave(call=ID),
        ]

    run(scenario)


def test_a_room_plays_records_is_described_and_ends_once() -> None:
    async def scenario() -> None:
        desk = Desk()
        room, own = conference(desk)
        async with room:
            await room.play(Tone(440))
            await room.record("/all.wav")
            own.ended(ConferenceEnded(conference="another", reason="asked"))
            assert not room.outcome
            own.ended(ConferenceEnded(conference=NAME, reason="empty"))
        assert await room.ended() == "empty"
        assert desk.asked == [
            PlayConference(conference=NAME, source=Tone(440)),
            RecordConference(conference=NAME, path="/all.wav"),
        ]
        again, own = conference(desk)
        await again.end()
        assert desk.asked[-1] == EndConference(conference=NAME)
        own.lose("engine lost")
        assert await again.ended() == "engine lost"

    run(scenario)


def test_one_that_is_gone() -> None:
    async def scenario() -> None:
        desk = Desk()
        room, _ = conference(desk)
        info = ConferenceInfo(conference=NAME, owner=PeerId("p"), worker=WorkerId("w0"), members=())
        desk.answer = Conferences(conferences=(info,))
        assert await room.info() == info
        desk.answer = Conferences(conferences=())
        with pytest.raises(NotFoundError):
            await room.info()
        desk.refusal = NotFoundError("no conference")
        await room.end()
        assert room.outcome

    run(scenario)
