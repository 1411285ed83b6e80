"""Call somebody who sends us to somebody else, and go there.

python3 tools/examples/accept_transfer.py sip:reception@127.0.0.1:5070
"""

import asyncio
import sys

import offhook


async def main(uri: str) -> None:
    """Call, wait to be transferred, talk to the other for two seconds."""
    async with offhook.Engine.launch() as engine, engine.transfers() as requests:
        call = await engine.dial(uri, play=offhook.Tone(440))
        await call.answered()
        request = await anext(requests)
        print(f"sent to {request.uri}", flush=True)
        other = await request.accept(play=offhook.Tone(440))
        try:
            await other.answered()
        except offhook.CallFailed as failure:  # we are talking to the first one again
            print(f"nobody there: {failure}")
            return
        await call.ended()  # the transferor hangs up, or the engine does
        await asyncio.sleep(2)
        outcome = await other.hang_up()
    if outcome.quality:
        print(f"{outcome.quality.packets_received} packets came from there")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
