"""A program as an application would write it; type checkers must see exactly these types.

It is checked, never run.
"""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import assert_never, assert_type

import offhook


async def outgoing() -> None:
    async with offhook.Engine.launch(workers=2, settings={"sip.t1": 0.2}) as engine:
        assert_type(engine, offhook.Engine)
        call = await engine.dial("sip:a@b", play=Path("a.wav"), record="b.wav")
        assert_type(call, offhook.Call)
        media = await call.answered()
        assert_type(media, offhook.events.Answered)
        assert_type(media.codec, str)
        assert_type(call.digits(), AsyncGenerator[str, None])
        await call.send_digits("1#", duration_ms=80)
        await call.play(offhook.Wave("a.wav", loop=True))
        assert_type(await call.measure(), offhook.Reading | None)
        assert_type(await call.hang_up(), offhook.AnyOutcome)
        assert_type(call.quality, offhook.Quality | None)
        assert_type(call.state, offhook.CallState)


async def incoming() -> None:
    async with offhook.Engine.connect() as engine:
        async for call in engine.incoming("sales*", on_owner_lost=offhook.OnOwnerLost.KEEP):
            assert_type(call, offhook.IncomingCall)
            assert_type(call.event.headers, tuple[tuple[str, str], ...])
            await call.ring()
            assert_type(await call.answer(play=offhook.Echo()), offhook.events.Answered)


async def held_and_sent_on(call: offhook.Call, other: offhook.Call) -> None:
    await call.hold(offhook.Music())
    await call.resume()
    assert_type(call.held, bool)
    assert_type(await call.transfer(other, timeout=5), offhook.Transferred)
    try:
        await call.transfer("sip:c@d", headers={"X-One": "1"}, progress=told)
    except offhook.TransferFailedError as failure:
        assert_type(failure.status, int)
    assert_type(call.replaced_by, offhook.Call | None)


def told(progress: offhook.events.TransferProgress) -> None:
    assert_type(progress.status, int)


async def asked(engine: offhook.Engine) -> None:
    async for request in engine.transfers():
        assert_type(request, offhook.TransferRequest)
        assert_type(request.call, offhook.Call | None)
        assert_type(await request.accept(any_domain=True), offhook.Call)
        await request.decline(480)


async def registered(engine: offhook.Engine) -> None:
    async with await engine.register("sip:a@b", password="c") as registration:
        assert_type(registration, offhook.Registration)
        assert_type(await registration.registered(), offhook.RegistrationInfo)
        assert_type(registration.state, offhook.RegistrationState)
        async for info in registration.changes():
            assert_type(info, offhook.RegistrationInfo)


def in_words(outcome: offhook.AnyOutcome) -> str:
    match outcome:
        case offhook.Completed():
            return f"{outcome.duration}"
        case offhook.Rejected(status=status):
            return f"{assert_type(status, int)}"
        case offhook.Busy() | offhook.NoAnswer() | offhook.Cancelled() | offhook.Redirected():
            return outcome.reason
        case offhook.Unreachable() | offhook.MediaNotAcceptable() | offhook.Failed():
            return str(outcome)
        case _:
            assert_never(outcome)


async def watching(engine: offhook.Engine) -> None:
    async for item in engine.events():
        match item:
            case offhook.Missed():
                assert_type(item.count, int)
            case offhook.Observed(event=offhook.events.DigitReceived() as digit):
                assert_type(digit.digit, str)
            case offhook.Observed():
                assert_type(item.at, float)
            case _:
                assert_never(item)


async def wrong(engine: offhook.Engine) -> None:
    await engine.dial(5060)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    call = await engine.dial("sip:a@b")
    await call.answer()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
