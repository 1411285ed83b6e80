"""Send every caller elsewhere.

python3 tools/examples/redirect.py sip:somebody@127.0.0.1:5070
"""

import asyncio
import sys

import offhook


async def main(elsewhere: str) -> None:
    """Answer calls with 302 until Ctrl-C."""
    async with offhook.Engine.launch() as engine, engine.incoming() as calls:
        print(f"call {engine.uri('me')}", flush=True)
        async for call in calls:
            await call.redirect(elsewhere)
            print(f"{call.from_uri}: {await call.ended()}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
