"""Be reachable at a registrar, and answer with an echo.

OFFHOOK_PASSWORD=secret python3 tools/examples/register.py sip:alice@127.0.0.1:5060
"""

import asyncio
import os
import sys

import offhook


async def main(aor: str, password: str) -> None:
    """Register, take calls until Ctrl-C; the end of the engine's block unregisters."""
    async with offhook.Engine.launch() as engine, engine.incoming() as calls:
        registration = await engine.register(aor, password=password)
        try:
            info = await registration.registered()
        except offhook.RegistrationFailedError as failure:
            print(f"not registered: {failure}")
            return
        print(f"registered as {info.contact}", flush=True)
        async for call in calls:
            await call.answer(play=offhook.Echo())
            print(f"{call.from_uri} talks to us", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], os.environ.get("OFFHOOK_PASSWORD", "")))
