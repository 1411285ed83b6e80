"""Answer every caller with audio that is made as it goes: each time the caller pauses, a chord.

What makes it could as well be a recognizer, a language model and a voice.

python3 tools/examples/voice_bot.py
"""

import asyncio
from collections.abc import Iterator

import numpy as np

import offhook

RATE = 16000
FRAME = RATE // 50


def chord(loudness: float) -> Iterator[bytes]:
    """Yield half a second of three tones, 20 ms at a time."""
    for begin in range(0, RATE // 2, FRAME):
        at = np.arange(begin, begin + FRAME) / RATE
        tones = sum(np.sin(2 * np.pi * hertz * at) for hertz in (262, 330, 392))
        yield np.asarray(tones * loudness * np.exp(-4 * at), np.int16).tobytes()


async def talk(call: offhook.IncomingCall) -> None:
    """Listen until the caller pauses, answer, and so on until the call ends."""
    await call.answer()
    async with call.audio(RATE) as audio:
        loudest = pause = 0.0
        async for frame in audio:
            level = float(abs(frame.astype(np.int32)).mean())
            loudest, pause = max(loudest, level), pause + 0.02 if level < 200 else 0.0
            if loudest > 500 and pause > 0.3:
                await audio.play(chord(min(loudest, 6000)))
                loudest = 0.0
                print("answered", flush=True)
    print(await call.ended(), flush=True)


async def main() -> None:
    """Take calls until Ctrl-C; each in a task of its own."""
    async with (
        offhook.Engine.launch() as engine,
        engine.incoming() as calls,
        asyncio.TaskGroup() as tasks,
    ):
        print(f"call {engine.uri('bot')}", flush=True)
        async for call in calls:
            tasks.create_task(talk(call))


if __name__ == "__main__":
    asyncio.run(main())
