"""Connect every caller with somebody else, through us, and record what both say.

python3 tools/examples/bridge.py sip:somebody@127.0.0.1:5070 [FOLDER for the recordings]
"""

import asyncio
import sys
from pathlib import Path

import offhook


async def main(target: str, folder: Path) -> None:
    """Take calls until Ctrl-C; each in a task of its own."""
    async with (
        offhook.Engine.launch() as engine,
        engine.incoming() as calls,
        asyncio.TaskGroup() as tasks,
    ):
        print(f"call {engine.uri('reception')}", flush=True)
        async for call in calls:
            tasks.create_task(connect(engine, call, target, folder))


async def connect(
    engine: offhook.Engine, call: offhook.IncomingCall, target: str, folder: Path
) -> None:
    """Answer, call the other one, and let the two hear each other until one hangs up."""
    await call.answer(play=offhook.Music(), record=folder / f"{call.id}.wav")
    try:
        async with call, await engine.dial(target, near=call) as other:
            await other.answered()
            await engine.bridge(call, other)
            print(f"{call.from_uri} talks to {target}", flush=True)
            ends = [asyncio.create_task(each.ended()) for each in (call, other)]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    except offhook.CallFailed as failure:
        print(f"nobody there: {failure}", flush=True)
    print(f"{call.from_uri}: over", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2] if len(sys.argv) > 2 else ".")))
