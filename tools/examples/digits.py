"""Digits in both directions: a little menu, and a caller who uses it.  One engine calls itself.

python3 tools/examples/digits.py
"""

import asyncio

import offhook


async def main() -> None:
    """Run both sides."""
    async with offhook.Engine.launch() as engine, engine.incoming("menu") as calls:
        answering = asyncio.create_task(menu(calls))
        call = await engine.dial(engine.uri("menu"))
        await call.answered()
        await call.send_digits("42#")
        answer = [digit async for digit in call.digits()]  # until the menu hangs up
        print(f"the menu said {''.join(answer)}")
        await answering


async def menu(calls: offhook.IncomingCalls) -> None:
    """Collect digits up to ``#``, send them back reversed, hang up."""
    call = await anext(calls)
    await call.answer(play=offhook.Tone(350))
    entered = ""
    async for digit in call.digits():
        if digit == "#":
            break
        entered += digit
    print(f"the caller entered {entered}")
    await call.send_digits(entered[::-1])
    await call.hang_up()


if __name__ == "__main__":
    asyncio.run(main())
