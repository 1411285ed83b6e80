"""Let all who call hear each other, announce each with a tone, and record it all.

python3 tools/examples/conference.py [RECORDING.wav]
"""

import asyncio
import sys
from pathlib import Path

import offhook


async def main(record: Path) -> None:
    """Take calls until Ctrl-C; each in a task of its own."""
    async with (
        offhook.Engine.launch() as engine,
        await engine.conference(until_empty=False) as room,
        engine.incoming() as calls,
        asyncio.TaskGroup() as tasks,
    ):
        await room.record(record)
        print(f"call {engine.uri('conference')}", flush=True)
        async for call in calls:
            tasks.create_task(attend(room, call))


async def attend(room: offhook.Conference, call: offhook.IncomingCall) -> None:
    """Answer, and be a member until the caller hangs up."""
    await call.answer(near=room)
    await room.add(call)
    await room.play(offhook.Tone(880))
    await asyncio.sleep(0.2)
    await room.play(offhook.Silence())
    members = (await room.info()).members
    print(f"{call.from_uri} joined: {len(members)} in the conference", flush=True)
    await call.ended()
    print(f"{call.from_uri} left", flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else "conference.wav")))
