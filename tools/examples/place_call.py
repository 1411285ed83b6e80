"""Place a call, play a tone for three seconds, say how it went.

python3 tools/examples/place_call.py sip:echo@127.0.0.1:5070
"""

import asyncio
import sys

import offhook


async def main(uri: str) -> None:
    """Call, wait for the answer, hang up."""
    async with offhook.Engine.launch() as engine:
        call = await engine.dial(uri, play=offhook.Tone(440), ring_timeout=20)
        try:
            media = await call.answered()
        except offhook.Busy:
            print("busy, try again later")
            return
        except offhook.CallFailed as failure:
            print(f"no luck: {failure}")
            return
        print(f"talking, {media.codec}")
        await asyncio.sleep(3)
        outcome = await call.hang_up()
    print(f"{outcome} after {outcome.duration:.1f} s")
    if outcome.quality:
        print(f"{outcome.quality.packets_received} packets came back")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
