"""Hold a peer with music, and take it back.

python3 tools/examples/hold.py sip:echo@127.0.0.1:5070 [MUSIC.wav]
"""

import asyncio
import sys

import offhook


async def main(uri: str, music: str | offhook.Music) -> None:
    """Call, hold for two seconds, talk again, hang up."""
    async with offhook.Engine.launch() as engine, await engine.dial(uri) as call:
        await call.answered()
        await call.hold(music)
        print("held", flush=True)
        await asyncio.sleep(2)
        await call.resume()
        print("talking again")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else offhook.Music()))
