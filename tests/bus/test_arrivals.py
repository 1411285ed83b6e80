import asyncio
from collections.abc import Awaitable, Callable

from bus.arrivals import Arrivals
from tests.bus.test_call import run


def test_it_opens_at_the_first_step_and_the_end_is_the_end() -> None:
    async def scenario() -> None:
        said = list[str]()
        waiting = asyncio.Queue[int | None]()
        arrivals = Arrivals(waiting, opening(said), lambda: said.append("closed"))
        await arrivals.aclose()
        assert said == []
        for each in (1, 2, None):
            waiting.put_nowait(each)
        assert [each async for each in arrivals] == [1, 2]
        assert [each async for each in arrivals] == []
        assert said == ["opened"]

    run(scenario)


def test_as_a_context_manager_it_opens_at_once_and_closes() -> None:
    async def scenario() -> None:
        said = list[str]()
        waiting = asyncio.Queue[int | None]()
        async with Arrivals(waiting, opening(said), lambda: said.append("closed")):
            assert said == ["opened"]
        assert said == ["opened", "closed"]

    run(scenario)


def opening(said: list[str]) -> Callable[[Arrivals[int]], Awaitable[None]]:
    async def opened(holder: Arrivals[int]) -> None:
        said.append("opened")

    return opened
