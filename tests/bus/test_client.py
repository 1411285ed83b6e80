import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from bus.calls import (
    Calls,
    Dial,
    Dialled,
    ListCalls,
    Ok,
    Progress,
    SendDigits,
    Welcome,
)
from bus.client import Client
from bus.errors import EngineLostError, FrameError, NotFoundError, RefusedError
from bus.ids import CallId, PeerId
from bus.protocol import ClientEvent
from tests.bus.standin import StandIn, standing_in
from tests.bus.waiting import until

RINGING = Progress(call=CallId("c1"), status=180, reason="Ringing")


class Diary:
    """A listener that writes everything down, in order."""

    def __init__(self) -> None:
        self.entries: list[object] = []

    def happened(self, event: ClientEvent, at: float) -> None:
        self.entries.append(event)

    def joined(self, welcome: Welcome, fresh: bool) -> None:
        self.entries.append(("joined", welcome.session, fresh))

    def lost(self, reason: str) -> None:
        self.entries.append("lost")

    async def until(self, entry: object) -> None:
        await until(lambda: entry in self.entries)


@asynccontextmanager
async def joined(server: StandIn, diary: Diary) -> AsyncGenerator[Client, None]:
    client = Client(server.address, diary, PeerId("me"))
    try:
        await client.join(5.0)
        yield client
    finally:
        client.close()


def test_replies_and_events_keep_their_order(tmp_path: Path) -> None:
    """An event right behind a reply finds what the reply has made."""

    async def scenario() -> None:
        diary = Diary()
        async with standing_in(tmp_path) as server, joined(server, diary) as client:

            def dialled(reply: Dialled) -> None:
                diary.entries.append(reply)

            asking = asyncio.create_task(client.ask(Dial(uri="sip:a@b"), Dialled, then=dialled))
            await server.grant(Dial, Dialled(call=CallId("c1")))
            await server.tell(RINGING)
            assert await asking == Dialled(call=CallId("c1"))
            await diary.until(RINGING)
            assert diary.entries == [("joined", "s1", True), Dialled(call=CallId("c1")), RINGING]

    asyncio.run(scenario())


def test_a_reply_reaches_then_although_nobody_waits_any_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        diary = Diary()
        async with standing_in(tmp_path) as server, joined(server, diary) as client:
            asking = asyncio.create_task(client.ask(ListCalls(), Calls, then=diary.entries.append))
            asked = await server.expect(ListCalls)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await server.reply(asked, Calls(calls=()))
            await diary.until(Calls(calls=()))

    asyncio.run(scenario())


def test_refusals_and_wrong_kinds_are_errors_of_that_request_only(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with standing_in(tmp_path) as server, joined(server, Diary()) as client:
            first = asyncio.create_task(client.ask(ListCalls(), Calls))
            await server.refuse(await server.expect(ListCalls), "not_found")
            with pytest.raises(NotFoundError):
                await first
            second = asyncio.create_task(client.ask(ListCalls(), Calls))
            await server.grant(ListCalls, Ok())
            with pytest.raises(FrameError, match="Ok, not Calls"):
                await second
            third = asyncio.create_task(client.ask(ListCalls(), Calls))
            await server.grant(ListCalls, Calls(calls=()))
            assert (await third).calls == ()

    asyncio.run(scenario())


def test_a_restart_fails_what_is_pending_and_is_followed_by_a_new_session(tmp_path: Path) -> None:
    async def scenario() -> None:
        diary = Diary()
        async with standing_in(tmp_path) as server, joined(server, diary) as client:
            asking = asyncio.create_task(client.ask(ListCalls(), Calls))
            await server.expect(ListCalls)
            server.restart("s2")
            with pytest.raises(EngineLostError):
                await asking
            await diary.until(("joined", "s2", True))
            again = asyncio.create_task(client.ask(ListCalls(), Calls))
            await server.grant(ListCalls, Calls(calls=()))
            await again
            assert [hello.incarnation for hello in server.hellos] == [
                client.session.incarnation
            ] * 2

    asyncio.run(scenario())


def test_a_hole_is_followed_by_a_hello_in_the_same_session(tmp_path: Path) -> None:
    async def scenario() -> None:
        diary = Diary()
        async with standing_in(tmp_path) as server, joined(server, diary) as client:
            await server.tell(RINGING, skip=2)
            await diary.until(("joined", "s1", False))
            assert client.session.holes == 2

    asyncio.run(scenario())


def test_garbage_and_unknown_events_are_passed_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        diary = Diary()
        async with standing_in(tmp_path) as server, joined(server, diary):
            await server.raw(b"\xc1\xc1")
            await server.raw(b"")
            await server.tell(Ok())
            await server.tell(RINGING)
            await diary.until(RINGING)
            assert "lost" not in diary.entries

    asyncio.run(scenario())


def test_nobody_there_and_not_admitted(tmp_path: Path) -> None:
    async def scenario() -> None:
        nobody = Client(f"ipc://{tmp_path}/nobody.sock", Diary(), PeerId("me"))
        with closing(nobody), pytest.raises(EngineLostError, match=r"nobody\.sock within 0\.2 s"):
            await nobody.join(0.2)
        async with standing_in(tmp_path) as server:
            server.refuse_hello = "forbidden"
            client = Client(server.address, Diary(), PeerId("me"))
            with closing(client), pytest.raises(RefusedError):
                await client.join(5.0)

    asyncio.run(scenario())


def test_an_engine_that_comes_later_is_found(tmp_path: Path) -> None:
    async def scenario() -> None:
        late = StandIn(tmp_path)
        client = Client(late.address, Diary(), PeerId("me"))
        joining = asyncio.create_task(client.join(10.0))
        await asyncio.sleep(0)
        late.open()
        with closing(client):
            await joining
        late.end()

    asyncio.run(scenario())


def test_closing_fails_who_waits(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with standing_in(tmp_path) as server, joined(server, Diary()) as client:
            digits = SendDigits(call=CallId("c"), digits="1")
            asking = asyncio.create_task(client.ask(digits, Ok))
            await server.expect(SendDigits)
            client.close()
            with pytest.raises(EngineLostError, match="closed"):
                await asking
            with pytest.raises(EngineLostError, match="closed"):
                await client.ask(digits, Ok)

    asyncio.run(scenario())
