import asyncio

import pytest

from bus import calls as verbs
from bus.asking import R
from bus.calls import OnOwnerLost
from bus.incoming import Desk, Reception
from bus.incoming_call import IncomingCall
from bus.protocol import Command
from tests.bus.test_call import CAME, ID, incoming, run
from tests.bus.test_call import Desk as Calling


class Hall:
    """Signaling that grants every subscription and notes what it was told."""

    def __init__(self) -> None:
        self.asked: list[Command] = []
        self.closed = False

    async def ask(self, body: Command, reply: type[R]) -> R:
        self.asked.append(body)
        answer = verbs.Ok()
        assert isinstance(answer, reply)
        return answer

    def tell(self, body: Command) -> None:
        self.asked.append(body)


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


def test_a_loop_subscribes_with_its_first_step_and_takes_what_comes() -> None:
    async def scenario() -> None:
        hall = Hall()
        reception = Reception(hall)
        calls = reception.calls("*", OnOwnerLost.KEEP)
        assert hall.asked == []
        assert reception.came(CAME, lambda _: incoming()) is None
        assert hall.asked.pop() == verbs.Reject(call=ID, status=480)
        waiting = asyncio.create_task(anext(calls))
        await asyncio.sleep(0)
        assert hall.asked == [verbs.Subscribe(user="*", on_owner_lost=OnOwnerLost.KEEP)]
        given = reception.came(CAME, lambda policy: IncomingCall(Calling(), CAME, policy))
        assert given is not None
        assert given.on_owner_lost is OnOwnerLost.KEEP
        assert await waiting is given

    run(scenario)


def test_closing_unsubscribes_and_refuses_what_waits() -> None:
    async def scenario() -> None:
        hall = Hall()
        reception = Reception(hall)
        async with reception.calls("*", OnOwnerLost.HANG_UP) as calls:
            assert reception.busy
            reception.came(CAME, lambda _: incoming())
            hall.asked.clear()
        assert hall.asked == [verbs.Unsubscribe(), verbs.Reject(call=ID, status=480)]
        assert not reception.busy
        assert [call async for call in calls] == []

    run(scenario)


def test_where_nobody_is_any_more_nothing_comes() -> None:
    async def scenario() -> None:
        hall = Hall()
        hall.closed = True
        calls = Reception(hall).calls("*", OnOwnerLost.HANG_UP)
        assert [call async for call in calls] == []

    run(scenario)
