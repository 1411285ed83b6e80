import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bus import calls as verbs
from bus.asking import AGREE_WITHIN, R
from bus.call import AFTER, Call, CallState
from bus.calls import Ended, OnOwnerLost, Outcome, Quality
from bus.errors import BadSourceError, NotFoundError, PeerRefusedError, RefusedError
from bus.gauges import Reading
from bus.holding import Hold, HoldChanged, Resume
from bus.ids import CallId, PeerId, StreamId, WorkerId
from bus.incoming_call import IncomingCall
from bus.outcomes import (
    Busy,
    CallEndedError,
    Cancelled,
    Completed,
    Failed,
    TransferFailedError,
    Transferred,
)
from bus.protocol import CallEvent, Command, Reply
from bus.session import REPLY_WITHIN
from bus.sources import Music, Wave
from bus.speaking import SpeechChanged, WatchSpeech
from bus.transfers import CancelTransfer, Replaced, Transfer, TransferEnded, TransferProgress

ID = CallId("c1")
ANSWERED = verbs.Answered(
    call=ID,
    codec="PCMU",
    worker=WorkerId("w0"),
    stream=5,
    local_media="127.0.0.1:20000",
    remote_media="127.0.0.1:30000",
)
UP = CallState.UP
RINGING = verbs.Progress(call=ID, status=180, reason="Ringing")
CAME = verbs.IncomingCall(
    call=ID,
    from_uri="sip:a@host",
    from_display="A",
    to_uri="sip:b@host",
    request_uri="sip:b@host",
    headers=(("X-One", "1"),),
    source="udp:127.0.0.1:5060",
)


def ended(outcome: Outcome, status: int = 0) -> Ended:
    return Ended(call=ID, outcome=outcome, status=status, quality=Quality(packets_sent=3))


def digit(key: str) -> verbs.DigitReceived:
    return verbs.DigitReceived(call=ID, digit=key, method="rfc4733", duration_ms=100)


class Desk:
    """An engine that says yes to everything, or refuses, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Command] = []
        self.told: list[Command] = []
        self.within = 0.0
        self.answer: Reply = verbs.Ok()
        self.refusal: RefusedError | None = None
        self.before_reply: Callable[[Command], None] = lambda _: None

    async def ask(
        self,
        body: Command,
        reply: type[R],
        *,
        then: Callable[[R], None] | None = None,
        within: float = REPLY_WITHIN,
    ) -> R:
        self.asked.append(body)
        self.within = within
        self.before_reply(body)
        await asyncio.sleep(0)
        if self.refusal is not None:
            raise self.refusal
        answer = self.answer
        assert isinstance(answer, reply)
        if then is not None:
            then(answer)
        return answer

    def tell(self, body: Command) -> None:
        self.told.append(body)

    async def read_gauges(self, worker: WorkerId, stream: StreamId) -> Reading | None:
        quality = Quality(packets_received=int(stream))
        return Reading(level_received=-1.0, level_sent=-2.0, quality=quality)


def outgoing(desk: Desk | None = None) -> Call:
    return Call(
        desk or Desk(), ID, uri="sip:b@host", from_uri="sip:a@host", state=CallState.CALLING
    )


def incoming(desk: Desk | None = None) -> IncomingCall:
    return IncomingCall(desk or Desk(), CAME, OnOwnerLost.HANG_UP)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(5):
            await scenario()

    asyncio.run(bounded())


@pytest.mark.parametrize("state", CallState)
@pytest.mark.parametrize("event", [RINGING, ANSWERED, digit("1"), ended(Outcome.COMPLETED)])
def test_each_event_in_each_state(state: CallState, event: CallEvent) -> None:
    call = outgoing()
    call.state = state
    call.apply(event, 1.0)
    wanted = CallState.ENDED if isinstance(event, Ended) else AFTER.get((state, type(event)), state)
    assert call.state is wanted


def test_an_outgoing_call_through_its_life() -> None:
    async def scenario() -> None:
        call = outgoing()
        waiting = [asyncio.create_task(each) for each in (call.ringing(), call.ended())]
        answered = asyncio.create_task(call.answered())
        await asyncio.sleep(0)
        call.apply(RINGING, 1.0)
        await waiting[0]
        call.apply(ANSWERED, 2.0)
        assert await answered == ANSWERED
        assert (call.state, call.codec, call.answered_at) == (CallState.UP, "PCMU", 2.0)
        assert call.quality is None
        call.apply(ended(Outcome.COMPLETED), 3.0)
        assert isinstance(await waiting[1], Completed)
        assert call.quality == Quality(packets_sent=3)
        assert call.history == [RINGING, ANSWERED, ended(Outcome.COMPLETED)]

    run(scenario)


def test_what_happened_before_somebody_asked_is_not_missed() -> None:
    async def scenario() -> None:
        call = outgoing()
        for event in (ANSWERED, digit("1"), digit("2"), ended(Outcome.COMPLETED)):
            call.apply(event, 1.0)
        await call.ringing()
        assert await call.answered() == ANSWERED
        assert [key async for key in call.digits()] == ["1", "2"]
        assert [key async for key in call.digits()] == []  # each key once
        assert len([event async for event in call.events()]) == 4

    run(scenario)


def test_a_failed_call_raises_its_outcome_each_time_anew() -> None:
    async def scenario() -> None:
        call = outgoing()
        call.apply(ended(Outcome.BUSY, 486), 1.0)
        with pytest.raises(Busy) as first:
            await call.answered()
        with pytest.raises(Busy) as second:
            await call.ringing()
        assert first.value is not second.value
        assert isinstance(await call.ended(), Busy)

    run(scenario)


def test_digits_come_as_they_are_pressed() -> None:
    async def scenario() -> None:
        call = outgoing()
        call.apply(ANSWERED, 1.0)
        keys = call.digits()
        for key in "1#":
            next_key = asyncio.create_task(keys.asend(None))
            await asyncio.sleep(0)
            call.apply(digit(key), 2.0)
            assert await next_key == key

    run(scenario)


def test_speech_is_watched_while_somebody_asks() -> None:
    async def scenario() -> None:
        desk = Desk()
        call = outgoing(desk)
        call.apply(ANSWERED, 1.0)
        speech = call.speech()
        following = asyncio.create_task(anext(speech))
        await asyncio.sleep(0)
        call.apply(digit("1"), 2.0)
        begun = SpeechChanged(call=ID, speaks=True, level=-20.0, lasted_ms=300)
        call.apply(begun, 2.0)
        assert await following == begun
        await speech.aclose()
        assert desk.asked == [WatchSpeech(call=ID)]
        assert desk.told == [WatchSpeech(call=ID, watch=False)]

    run(scenario)


def test_sending_digits_ends_with_the_event_that_follows_its_reply() -> None:
    async def scenario() -> None:
        desk = Desk()
        call = outgoing(desk)
        call.apply(ANSWERED, 1.0)
        sent = verbs.DigitsSent(call=ID)
        desk.before_reply = lambda _: call.apply(sent, 1.0)  # of an earlier request
        sending = asyncio.create_task(call.send_digits("12"))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not sending.done()
        call.apply(sent, 2.0)
        await sending
        assert desk.asked == [verbs.SendDigits(call=ID, digits="12")]

    run(scenario)


def test_digits_that_the_peer_did_not_take_are_an_error() -> None:
    async def scenario() -> None:
        call = outgoing()
        call.apply(ANSWERED, 1.0)
        sending = asyncio.create_task(call.send_digits("12", method="info"))
        for _ in range(5):
            await asyncio.sleep(0)
        call.apply(verbs.DigitsSent(call=ID, refused="2"), 2.0)
        call.apply(verbs.DigitsSent(call=ID), 2.0)
        with pytest.raises(PeerRefusedError, match="digits 2"):
            await sending

    run(scenario)


def test_sending_digits_in_a_call_that_ends_says_how_it_ended() -> None:
    async def scenario() -> None:
        call = outgoing()
        call.apply(ANSWERED, 1.0)
        sending = asyncio.create_task(call.send_digits("12"))
        for _ in range(5):
            await asyncio.sleep(0)
        call.apply(ended(Outcome.COMPLETED), 2.0)
        with pytest.raises(CallEndedError, match="sending digits") as caught:
            await sending
        assert isinstance(caught.value.outcome, Completed)
        with pytest.raises(CallEndedError):
            await call.send_digits("3")

    run(scenario)


def test_playing_and_recording(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    async def scenario() -> None:
        desk = Desk()
        call = outgoing(desk)
        call.apply(ANSWERED, 1.0)
        call.apply(verbs.PlayFinished(call=ID), 1.0)
        await call.wait_played()  # what dial was told to play
        await call.play("a.wav")
        waiting = asyncio.create_task(call.wait_played())
        for _ in range(3):
            await asyncio.sleep(0)
        assert not waiting.done()
        call.apply(verbs.PlayFinished(call=ID), 2.0)
        await waiting
        await call.record("b.wav")
        await call.record("")
        assert desk.asked == [
            verbs.Play(call=ID, source=Wave(str(tmp_path / "a.wav"))),
            verbs.Record(call=ID, path=str(tmp_path / "b.wav")),
            verbs.Record(call=ID, path=""),
        ]

    run(scenario)


def test_holding_waits_long_for_the_peer_and_files_go_round(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    async def scenario() -> None:
        desk = Desk()
        call = outgoing(desk)
        call.apply(ANSWERED, 1.0)
        await call.hold()
        assert (call.held, desk.within) == (True, AGREE_WITHIN)
        await call.resume()
        assert (call.held, desk.within) == (False, AGREE_WITHIN)
        await call.hold("a.wav")
        music = Wave(str(tmp_path / "a.wav"), loop=True)
        assert desk.asked == [
            Hold(call=ID, music=Music()),
            Resume(call=ID),
            Hold(call=ID, music=music),
        ]
        call.apply(HoldChanged(call=ID, local=False, remote=True), 2.0)
        assert (call.held, call.remote_held) == (False, True)

    run(scenario)


def test_a_peer_that_does_not_agree_is_not_held() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.refusal = PeerRefusedError("488 Not Acceptable Here")
        call = outgoing(desk)
        call.apply(ANSWERED, 1.0)
        with pytest.raises(PeerRefusedError, match="488"):
            await call.hold()
        assert not call.held

    run(scenario)


TRIED = TransferProgress(call=ID, status=180, reason="Ringing")
REACHED = TransferEnded(call=ID, ok=True, status=200, reason="OK")
MISSED = TransferEnded(call=ID, ok=False, status=486, reason="Busy Here")


async def transferring(
    call: Call,
    desk: Desk,
    *,
    headers: dict[str, str] | None = None,
    progress: Callable[[TransferProgress], None] | None = None,
) -> "asyncio.Task[Transferred]":
    """Begin one, behind an earlier one that failed, and wait until it has begun."""
    for event in (ANSWERED, MISSED):
        call.apply(event, 1.0)
    transfer = call.transfer("sip:c@host", headers=headers, progress=progress)
    task = asyncio.create_task(transfer)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    return task


def test_a_transfer_tells_its_progress_and_returns_when_it_is_done() -> None:
    async def scenario() -> None:
        desk, seen = Desk(), list[TransferProgress]()
        call = outgoing(desk)
        task = await transferring(call, desk, headers={"X-One": "1"}, progress=seen.append)
        call.apply(TRIED, 2.0)
        call.apply(REACHED, 3.0)
        assert await task == Transferred(200, "OK")
        assert seen == [TRIED]
        assert desk.asked == [Transfer(call=ID, uri="sip:c@host", headers=(("X-One", "1"),))]
        assert call.outcome is None  # its end is an event of its own

    run(scenario)


def test_a_transfer_to_another_call() -> None:
    async def scenario() -> None:
        desk = Desk()
        call, other = outgoing(desk), Call(desk, CallId("c2"), uri="", from_uri="", state=UP)
        call.apply(ANSWERED, 1.0)
        task = asyncio.create_task(call.transfer(other, timeout=5, hold=False))
        for _ in range(5):
            await asyncio.sleep(0)
        call.apply(REACHED, 2.0)
        assert await task == Transferred(200, "OK")
        wanted = Transfer(call=ID, other=CallId("c2"), timeout=5, hold=False)
        assert desk.asked == [wanted]

    run(scenario)


def test_a_transfer_that_fails_says_with_which_status() -> None:
    async def scenario() -> None:
        desk = Desk()
        call = outgoing(desk)
        task = await transferring(call, desk)
        call.apply(MISSED, 2.0)
        with pytest.raises(TransferFailedError, match="486 Busy Here") as caught:
            await task
        assert (caught.value.status, caught.value.reason) == (486, "Busy Here")

    run(scenario)


def test_a_transfer_in_a_call_that_ends_says_how_it_ended() -> None:
    async def scenario() -> None:
        desk = Desk()
        call = outgoing(desk)
        task = await transferring(call, desk)
        call.apply(ended(Outcome.COMPLETED), 2.0)
        with pytest.raises(CallEndedError, match="transferring"):
            await task

    run(scenario)


def test_whoever_no_longer_waits_for_a_transfer_cancels_it() -> None:
    async def scenario() -> None:
        desk = Desk()
        call = outgoing(desk)
        task = await transferring(call, desk)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert desk.told == [CancelTransfer(call=ID)]

    run(scenario)


def test_a_call_knows_which_one_took_its_place() -> None:
    call, other = outgoing(), incoming()
    event = Replaced(call=ID, by=CallId("c2"), remote="sip:c@host")
    call.replace(event, other, 1.0)
    assert call.replaced_by is other
    assert call.history == [event]


def test_a_refusal_is_raised() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.refusal = BadSourceError("a.wav is not a sound file")
        call = outgoing(desk)
        call.apply(ANSWERED, 1.0)
        with pytest.raises(BadSourceError):
            await call.play("a.wav")

    run(scenario)


def test_hanging_up_returns_the_outcome_and_does_nothing_twice() -> None:
    async def scenario() -> None:
        desk = Desk()
        call = outgoing(desk)
        hanging = asyncio.create_task(call.hang_up("done"))
        for _ in range(3):
            await asyncio.sleep(0)
        assert call.state is CallState.ENDING
        call.apply(ended(Outcome.CANCELLED), 1.0)
        assert isinstance(await hanging, Cancelled)
        assert isinstance(await call.hang_up(), Cancelled)
        assert desk.asked == [verbs.HangUp(call=ID, reason="done")]

    run(scenario)


def test_hanging_up_a_call_that_just_ended_is_no_error() -> None:
    async def scenario() -> None:
        desk = Desk()
        call = outgoing(desk)
        desk.refusal = NotFoundError("no such call")
        desk.before_reply = lambda _: call.apply(ended(Outcome.COMPLETED), 1.0)
        assert isinstance(await call.hang_up(), Completed)

    run(scenario)


def test_the_end_of_its_block_hangs_it_up() -> None:
    async def scenario() -> None:
        desk = Desk()
        call = outgoing(desk)
        desk.before_reply = lambda _: call.apply(ended(Outcome.CANCELLED), 1.0)
        async with call:
            pass
        assert desk.asked == [verbs.HangUp(call=ID)]

    run(scenario)


def test_gauges_are_read_only_while_media_flows() -> None:
    async def scenario() -> None:
        call = outgoing()
        assert await call.measure() is None
        call.apply(ANSWERED, 1.0)
        reading = await call.measure()
        assert reading is not None
        assert reading.quality.packets_received == 5
        call.apply(ended(Outcome.COMPLETED), 2.0)
        assert await call.measure() is None

    run(scenario)


def test_a_call_that_the_engine_lost_failed() -> None:
    call = outgoing()
    call.apply(ANSWERED, 10.0)
    call.lose("engine lost", 12.5)
    outcome = call.outcome
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.by, outcome.duration) == ("engine lost", "engine", 2.5)
    call.apply(RINGING, 13.0)
    assert len(call.history) == 2  # nothing follows the end


def test_it_is_restored_from_how_it_stands() -> None:
    call = outgoing()
    call.restore(
        verbs.CallInfo(
            call=ID,
            direction="out",
            state="up",
            local="sip:a@host",
            remote="sip:b@host",
            owner=PeerId("me"),
            started_at=1.0,
            answered_at=2.0,
            worker=WorkerId("w0"),
            stream=5,
            codec="PCMA",
            local_hold=True,
        )
    )
    assert call.held
    assert (call.state, call.codec, call.answered_at) == (CallState.UP, "PCMA", 2.0)
