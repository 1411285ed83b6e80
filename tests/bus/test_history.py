import asyncio

from bus.history import History
from tests.bus.test_call import run


def test_following_yields_what_was_and_what_comes_until_it_is_over() -> None:
    async def scenario() -> None:
        history = History[int]()
        history.add(1)
        history.add(2)
        following = asyncio.create_task(listed(history))
        late = asyncio.create_task(listed(history, 1))
        await asyncio.sleep(0)
        history.add(3)
        history.wake()
        assert await following == [1, 2, 3]
        assert await late == [2, 3]

    async def listed(history: History[int], position: int = 0) -> list[int]:
        return [each async for each in history.follow(lambda: 3 in history.events, position)]

    run(scenario)


def test_a_condition_that_holds_already_is_not_waited_for() -> None:
    async def scenario() -> None:
        history = History[str]()
        history.add("a")
        assert await history.until(lambda: history.events[0]) == "a"

    run(scenario)


def test_waking_lets_all_look_again() -> None:
    async def scenario() -> None:
        history = History[str]()

        def found() -> str | None:
            return history.events[1] if len(history.events) > 1 else None

        waiting = [asyncio.create_task(history.until(found)) for _ in range(2)]
        for word in "ab":
            await asyncio.sleep(0)
            history.add(word)
            history.wake()
        assert await asyncio.gather(*waiting) == ["b", "b"]

    run(scenario)
