"""Turn callers away: busy for those we know, a plain no for everybody else.

python3 tools/examples/reject.py [NAME of somebody we know]
"""

import asyncio
import sys

import offhook


async def main(friend: str) -> None:
    """Refuse calls until Ctrl-C."""
    async with offhook.Engine.launch() as engine, engine.incoming() as calls:
        print(f"call {engine.uri('me')}", flush=True)
        async for call in calls:
            if f":{friend}@" in call.from_uri:
                await call.reject(486, "Busy Here")
            else:
                await call.reject(603, "Decline")
            print(f"{call.from_uri}: {await call.ended()}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "friend"))
