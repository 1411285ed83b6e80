"""The client against a stand-in: what a real engine cannot be brought to do on purpose."""

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bus import calls as verbs
from bus.asking import R
from bus.calls import CallInfo, Outcome
from bus.engine import Engine, locate
from bus.errors import EngineLostError
from bus.ids import CallId, PeerId, StreamId, WorkerId
from bus.outcomes import Completed, Failed
from bus.protocol import Command
from bus.registrations import (
    ListRegistrations,
    Register,
    Registering,
    RegistrationChanged,
    RegistrationInfo,
    Registrations,
    Unregister,
)
from bus.session import REPLY_WITHIN
from bus.tables import PublicStreams
from bus.transfers import AcceptTransfer, DeclineTransfer, Replaced, TransferAsked
from tests.bus.standin import STATUS, StandIn, standing_in
from tests.bus.test_call import ANSWERED, CAME, ID, RINGING, ended
from tests.bus.waiting import until


@asynccontextmanager
async def connected(
    folder: Path, kind: type[Engine] = Engine
) -> AsyncGenerator[tuple[StandIn, Engine], None]:
    """An engine that talks to a stand-in."""
    async with asyncio.timeout(30), standing_in(folder) as server:
        granting = asyncio.create_task(server.grant(verbs.GetStatus, STATUS))
        async with kind.connect(folder, peer="me") as engine:
            await granting
            yield server, engine
            engine.lost("the test is over")  # so that nothing is hung up


async def dial(server: StandIn, engine: Engine) -> verbs.Dial:
    asking = asyncio.create_task(engine.dial("sip:b@host"))
    asked = await server.grant(verbs.Dial, verbs.Dialled(call=ID))
    await asking
    assert isinstance(asked.body, verbs.Dial)
    return asked.body


def info(call: str = "c1", *, owner: str = "me", direction: str = "out") -> CallInfo:
    return CallInfo(
        call=CallId(call),
        direction=direction,
        state="up",
        local="sip:a@host",
        remote="sip:b@host",
        owner=PeerId(owner),
        started_at=1.0,
        answered_at=2.0,
        worker=WorkerId("w0"),
        stream=5,
        codec="PCMU",
    )


def test_events_right_behind_the_reply_reach_the_call(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (server, engine):
            asking = asyncio.create_task(engine.dial("sip:b@host"))
            await server.grant(verbs.Dial, verbs.Dialled(call=ID))
            for event in (RINGING, ANSWERED, ended(Outcome.COMPLETED)):
                await server.tell(event)
            call = await asking
            assert isinstance(await call.ended(), Completed)
            assert call.history[:2] == [RINGING, ANSWERED]
            assert engine.own_calls == ()

    asyncio.run(scenario())


def test_a_dial_that_was_given_up_is_hung_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (server, engine):
            asking = asyncio.create_task(engine.dial("sip:b@host"))
            asked = await server.expect(verbs.Dial)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await server.reply(asked, verbs.Dialled(call=ID))
            assert (await server.grant(verbs.HangUp)).body == verbs.HangUp(call=ID)

    asyncio.run(scenario())


class Hasty(Engine):
    """Whoever asks it is cancelled after the reply has come and before it is looked at."""

    async def ask(
        self,
        body: Command,
        reply: type[R],
        *,
        then: Callable[[R], None] | None = None,
        within: float = REPLY_WITHIN,
    ) -> R:
        task = asyncio.current_task()

        def and_cancel(answer: R) -> None:
            if then is not None and task is not None:
                then(answer)
                task.cancel()

        return await super().ask(body, reply, then=and_cancel, within=within)


def test_a_dial_that_was_given_up_just_after_its_reply_is_hung_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path, Hasty) as (server, engine):
            asking = asyncio.create_task(engine.dial("sip:b@host"))
            await server.grant(verbs.Dial, verbs.Dialled(call=ID))
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert (await server.grant(verbs.HangUp)).body == verbs.HangUp(call=ID)

    asyncio.run(scenario())


def test_a_restarted_signaling_ends_its_calls_and_gets_the_subscriptions(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (server, engine):
            await dial(server, engine)
            [call] = engine.own_calls
            calls = engine.incoming("sales*")
            first = asyncio.create_task(anext(calls))
            await server.grant(verbs.Subscribe)
            server.restart("s2")
            outcome = await call.ended()
            assert isinstance(outcome, Failed)
            assert outcome.reason == "engine lost"
            again = await server.grant(verbs.Subscribe)
            assert again.body == verbs.Subscribe(user="sales*")
            await server.tell(came("sip:sales@host"))
            assert (await first).uri == "sip:sales@host"

    asyncio.run(scenario())


def test_calls_that_outlive_the_session_go_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (server, engine):
            await dial(server, engine)
            [call] = engine.own_calls
            server.restart("s2")
            server.calls = (info(), info("c2", owner="somebody"), info("c3", direction="in"))
            await until(lambda: len(engine.own_calls) == 2)
            assert (call.state, call.codec) == ("up", "PCMU")
            assert engine.own_calls[0] is call
            assert [each.id for each in engine.own_calls] == ["c1", "c3"]

    asyncio.run(scenario())


def test_a_hole_is_mended_by_how_things_stand(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (server, engine):
            await dial(server, engine)
            [call] = engine.own_calls
            server.calls = (info(),)
            await server.tell(RINGING, skip=1)  # ``Answered`` was lost
            assert (await call.answered()).codec == "PCMU"
            server.calls = ()
            await server.tell(RINGING, skip=1)  # ``Ended`` was lost
            outcome = await call.ended()
            assert isinstance(outcome, Failed)
            assert "events were lost" in outcome.reason

    asyncio.run(scenario())


def test_a_snapshot_is_how_things_stand(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (server, engine):
            await dial(server, engine)
            [call] = engine.own_calls
            await server.tell(verbs.Snapshot(calls=(info(),)))
            assert (await call.answered()).codec == "PCMU"
            await server.tell(verbs.Snapshot(calls=(info("c9", owner="somebody"),)))
            assert isinstance(await call.ended(), Failed)

    asyncio.run(scenario())


def test_silence_ends_the_calls(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (server, engine):
            await dial(server, engine)
            [call] = engine.own_calls
            asking = asyncio.create_task(engine.calls())
            await server.expect(verbs.ListCalls)
            server.mute = True
            outcome = await call.ended()
            assert isinstance(outcome, Failed)
            assert outcome.reason.startswith("engine lost")
            with pytest.raises(EngineLostError):
                await asking

    asyncio.run(scenario())


def came(uri: str, call: str = "c7") -> verbs.IncomingCall:
    return verbs.IncomingCall(
        call=CallId(call),
        from_uri="sip:a@host",
        from_display="",
        to_uri=uri,
        request_uri=uri,
        headers=(),
        source=CAME.source,
    )


def test_calls_go_to_the_first_desk_that_takes_them(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            connected(tmp_path) as (server, engine),
            asyncio.TaskGroup() as group,
        ):
            first, second = engine.incoming("a*"), engine.incoming("*")
            waiting = [group.create_task(anext(first))]
            await server.grant(verbs.Subscribe)
            waiting.append(group.create_task(anext(second)))
            await server.grant(verbs.Subscribe)
            await server.tell(came("sip:bob@host", "c1"))
            await server.tell(came("sip:alice@host", "c2"))
            assert (await waiting[1]).id == "c1"
            assert (await waiting[0]).id == "c2"

    asyncio.run(scenario())


def test_a_call_for_nobody_here_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (server, _):
            await server.tell(CAME)
            asked = await server.grant(verbs.Reject)
            assert asked.body == verbs.Reject(call=ID, status=480)

    asyncio.run(scenario())


def test_leaving_the_loop_unsubscribes_and_refuses_what_waits(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (server, engine):
            other = engine.incoming("other")
            keeping = asyncio.create_task(anext(other))
            await server.grant(verbs.Subscribe)
            calls = engine.incoming()
            first = asyncio.create_task(anext(calls))
            await server.grant(verbs.Subscribe)
            await server.tell(came("sip:x@host", "c1"))
            await server.tell(came("sip:x@host", "c2"))
            assert (await first).id == "c1"
            del calls, first
            gc.collect()
            await server.grant(verbs.Unsubscribe)
            assert (await server.grant(verbs.Subscribe)).body == verbs.Subscribe(user="other")
            asked = await server.grant(verbs.Reject)
            assert asked.body == verbs.Reject(call=CallId("c2"), status=480)
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    asyncio.run(scenario())


def test_what_peers_ask_us_to_call_is_declined_unless_somebody_listens(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (server, engine):
            await dial(server, engine)
            await server.tell(TransferAsked(transfer="t1", call=ID, uri="sip:c@host"))
            declined = await server.grant(DeclineTransfer)
            assert declined.body == DeclineTransfer(transfer="t1")
            async with engine.transfers() as requests:
                await server.tell(TransferAsked(transfer="t2", call=ID, uri="sip:c@host"))
                request = await anext(requests)
                assert request.call is engine.own_calls[0]
                accepting = asyncio.create_task(request.accept())
                await server.grant(AcceptTransfer, verbs.Dialled(call=CallId("c2")))
                assert await accepting is engine.own_calls[1]

    asyncio.run(scenario())


def test_a_call_that_takes_anothers_place(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (server, engine):
            await dial(server, engine)
            [old] = engine.own_calls
            await server.tell(Replaced(call=ID, by=CallId("c2"), remote="sip:c@host"))
            await server.tell(ended(Outcome.COMPLETED))
            await old.ended()
            assert engine.own_calls == (old.replaced_by,)

    asyncio.run(scenario())


def registered(state: str) -> RegistrationInfo:
    return RegistrationInfo(
        aor="sip:a@host", registrar="sip:host", state=state, owner=PeerId("me"), status=200
    )


def test_a_registration_outlives_a_restart_and_ends_with_the_connection(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with asyncio.timeout(30), standing_in(tmp_path) as server:
            granting = asyncio.create_task(server.grant(verbs.GetStatus, STATUS))
            async with Engine.connect(tmp_path, peer="me") as engine:
                await granting
                asking = asyncio.create_task(engine.register("sip:a@host", password="x"))
                await server.grant(Register, Registering(aor="sip:a@host"))
                registration = await asking
                await server.tell(RegistrationChanged(registration=registered("registered")))
                assert (await registration.registered()).status == 200
                server.restart("s2")
                again = await server.grant(Register, Registering(aor="sip:a@host"))
                assert again.body == Register(aor="sip:a@host", password="x")
                listing = asyncio.create_task(engine.registrations())
                await server.grant(
                    ListRegistrations, Registrations(registrations=(registered("trying"),))
                )
                assert await listing == (registered("trying"),)
                ending = asyncio.create_task(end(server))
            await ending
            assert registration.state == "ended"

    async def end(server: StandIn) -> None:
        await server.grant(Unregister)
        await server.tell(RegistrationChanged(registration=registered("ended")))

    asyncio.run(scenario())


def test_the_end_of_the_block_hangs_up_what_is_ours(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with asyncio.timeout(30), standing_in(tmp_path) as server:
            granting = asyncio.create_task(server.grant(verbs.GetStatus, STATUS))
            hanging: asyncio.Task[None] | None = None
            async with Engine.connect(tmp_path) as engine:
                await granting
                await dial(server, engine)
                [call] = engine.own_calls
                hanging = asyncio.create_task(hang_up(server))
            await hanging
            assert isinstance(call.outcome, Completed)

    async def hang_up(server: StandIn) -> None:
        await server.grant(verbs.HangUp)
        await server.tell(ended(Outcome.COMPLETED))

    asyncio.run(scenario())


def test_gauges_are_found_by_worker_and_stream(tmp_path: Path) -> None:
    async def scenario() -> None:
        table = PublicStreams.create(tmp_path / "w0.public", 4)
        table.stream[2] = 5
        worker = verbs.WorkerInfo(
            worker=WorkerId("w0"),
            pid=1,
            state="up",
            streams=1,
            capacity=4,
            table=str(tmp_path / "w0.public"),
        )
        async with connected(tmp_path) as (server, engine):
            reading = asyncio.create_task(engine.read_gauges(WorkerId("w0"), StreamId(5)))
            await server.grant(verbs.ListWorkers, verbs.Workers(workers=(worker,)))
            assert await reading is not None
            assert await engine.read_gauges(WorkerId("w0"), StreamId(5)) is not None  # at once

    asyncio.run(scenario())


def test_uris_of_an_engine(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (_, engine):
            assert engine.uri("bob") == "sip:bob@127.0.0.1:5060"
            engine.listeners = ("tcp:0.0.0.0:5070",)
            assert engine.uri("bob") == "sip:bob@127.0.0.1:5070;transport=tcp"

    asyncio.run(scenario())


def test_where_an_engine_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    control = f"ipc://{tmp_path}/control.sock"
    assert locate(tmp_path) == (control, tmp_path)
    assert locate(str(tmp_path)) == (control, tmp_path)
    assert locate(control) == (control, tmp_path)
    assert locate("tcp://host:1") == ("tcp://host:1", None)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert locate(None)[1] == tmp_path / "offhook"
