"""Send every caller to somebody else, without a word to them before (RFC 5589 6.1).

python3 tools/examples/blind_transfer.py sip:somebody@127.0.0.1:5070
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
            tasks.create_task(transfer(call, target))


async def transfer(call: offhook.IncomingCall, target: str) -> None:
    """Answer, transfer; a caller who could not be transferred is with us again."""
    await call.answer()
    try:
        await call.transfer(target, progress=lambda told: print(told.status, told.reason))
        print(f"{call.from_uri} talks to {target}", flush=True)
    except offhook.TransferFailedError as failure:
        print(f"{call.from_uri} is back: {failure}", flush=True)
        await call.hang_up()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
