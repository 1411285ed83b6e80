import asyncio

import pytest

from bus.call import IncomingCall
from bus.calls import OnOwnerLost
from bus.incoming import Desk, IncomingCalls
from tests.bus.test_call import incoming


class Hall:
    """A lobby that notes which desks are open."""

    def __init__(self) -> None:
        self.open: list[Desk] = []

    async def open_desk(self, desk: Desk, holder: IncomingCalls) -> None:
        self.open.append(desk)

    async def close_desk(self, desk: Desk) -> None:
        self.open.remove(desk)
        desk.waiting.put_nowait(None)


@pytest.mark.parametrize(
    ("pattern", "uri", "takes"),
    [
        ("*", "sip:anybody@host", True),
        ("*", "sip:host", True),
        ("sales*", "sip:sales-1@host", True),
        ("sales*", "sip:Sales@host", False),
        ("1?", "sip:12@host", True),
    ],
)
def test_a_desk_takes_what_matches(pattern: str, uri: str, takes: bool) -> None:
    async def scenario() -> None:
        assert Desk(pattern, OnOwnerLost.HANG_UP).takes(uri) == takes

    asyncio.run(scenario())


def test_calls_are_given_in_order_and_the_end_is_the_end() -> None:
    async def scenario() -> None:
        hall = Hall()
        desk = Desk("*", OnOwnerLost.HANG_UP)
        calls = IncomingCalls(hall, desk)
        assert hall.open == []  # not before the first step
        given = [incoming(), incoming()]
        for call in given:
            desk.waiting.put_nowait(call)
        desk.waiting.put_nowait(None)
        taken: list[IncomingCall] = [call async for call in calls]
        assert taken == given
        assert hall.open == [desk]
        assert [call async for call in calls] == []

    asyncio.run(scenario())


def test_as_a_context_manager_it_subscribes_at_once_and_unsubscribes() -> None:
    async def scenario() -> None:
        hall = Hall()
        desk = Desk("*", OnOwnerLost.KEEP)
        async with IncomingCalls(hall, desk) as calls:
            assert hall.open == [desk]
        assert hall.open == []
        assert [call async for call in calls] == []

    asyncio.run(scenario())
