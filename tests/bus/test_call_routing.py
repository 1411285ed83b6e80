import msgspec
import pytest

from bus.calls import Play
from bus.errors import WrongStateError
from bus.ids import CallId
from bus.routing import (
    Bridged,
    GetPosition,
    MemberChanged,
    PauseRecording,
    Position,
    Queue,
    Turn,
    Unbridged,
)
from bus.sources import Music, Silence, Wave
from tests.bus.test_call import ID, Desk, outgoing, run

OTHER = CallId("c2")


def test_gain_and_mute_of_both_directions_are_said_together() -> None:
    async def scenario() -> None:
        desk = Desk()
        call = outgoing(desk)
        await call.gain(received=-6.0)
        await call.mute()
        await call.gain(sent=3.0)
        await call.mute(received=False)
        last = Turn(call=ID, received=-6.0, sent=3.0, mute_received=False, mute_sent=False)
        assert desk.asked[-1] == last
        assert desk.asked[-2] == msgspec.structs.replace(last, mute_received=True)

    run(scenario)


def test_sources_are_queued_in_order_and_stopped() -> None:
    async def scenario() -> None:
        desk = Desk()
        call = outgoing(desk)
        await call.queue("/a.wav", Music())
        await call.stop_playing()
        await call.pause_recording()
        await call.resume_recording()
        assert desk.asked == [
            Queue(call=ID, source=Wave("/a.wav")),
            Queue(call=ID, source=Music()),
            Play(call=ID, source=Silence()),
            PauseRecording(call=ID),
            PauseRecording(call=ID, paused=False),
        ]

    run(scenario)


def test_the_position_is_what_the_engine_says() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.answer = Position(seconds=2.5, waiting=1)
        assert await outgoing(desk).position() == desk.answer
        assert desk.asked == [GetPosition(call=ID)]

    run(scenario)


def test_whom_a_call_is_connected_with() -> None:
    call = outgoing()
    call.apply(Bridged(call=ID, other=OTHER), 1.0)
    assert call.bridged == OTHER
    call.apply(Unbridged(call=ID, other=OTHER, reason="elsewhere"), 2.0)
    call.apply(MemberChanged(call=ID, conference="k", role="speak"), 2.0)
    assert (call.bridged, call.conference) == ("", "k")
    call.apply(MemberChanged(call=ID, conference="k", role="", reason="asked"), 3.0)
    assert call.conference == ""


def test_a_refusal_is_raised() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.refusal = WrongStateError("nothing is recorded")
        with pytest.raises(WrongStateError):
            await outgoing(desk).pause_recording()

    run(scenario)
