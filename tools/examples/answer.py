"""Answer every call with its own echo, record it, and say what was pressed.

python3 tools/examples/answer.py [FOLDER for the recordings]
"""

import asyncio
import sys
from pathlib import Path

import offhook


async def main(folder: Path) -> None:
    """Take calls until Ctrl-C; each in a task of its own."""
    async with (
        offhook.Engine.launch() as engine,
        engine.incoming() as calls,
        asyncio.TaskGroup() as tasks,
    ):
        print(f"call {engine.uri('echo')}", flush=True)
        async for call in calls:
            tasks.create_task(talk(call, folder))


async def talk(call: offhook.IncomingCall, folder: Path) -> None:
    """Ring, answer, listen for digits, until the caller hangs up."""
    print(f"{call.from_uri} calls", flush=True)
    await call.ring()
    try:
        await call.answer(play=offhook.Echo(), record=folder / f"{call.id}.wav")
    except offhook.CallFailed as failure:
        print(f"it came to nothing: {failure}", flush=True)
        return
    async for digit in call.digits():
        print(f"pressed {digit}", flush=True)
    outcome = await call.ended()
    print(f"{outcome}, recorded in {outcome.record}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
