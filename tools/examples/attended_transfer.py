"""Send every caller to somebody else, after having asked them (RFC 5589 7.3).

python3 tools/examples/attended_transfer.py sip:somebody@127.0.0.1:5070
"""

import asyncio
import sys

import offhook


async def main(target: str) -> None:
    """Take calls until Ctrl-C; each in a task of its own."""
    async with (
        offhook.Engine.launch() as engine,
        engine.incoming() as calls,
        asyncio.TaskGroup() as tasks,
    ):
        print(f"call {engine.uri('reception')}", flush=True)
        async for call in calls:
            tasks.create_task(transfer(engine, call, target))


async def transfer(engine: offhook.Engine, call: offhook.IncomingCall, target: str) -> None:
    """Answer, hold, call the other one, and connect the two."""
    await call.answer()
    await call.hold()
    try:
        other = await engine.dial(target)
        await other.answered()
        await asyncio.sleep(1)  # "there is somebody for you"
        await call.transfer(other)
        print(f"{call.from_uri} talks to {target}", flush=True)
    except (offhook.CallFailed, offhook.TransferFailedError) as failure:
        print(f"{call.from_uri} is back: {failure}", flush=True)
        await call.resume()
        await call.hang_up()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
