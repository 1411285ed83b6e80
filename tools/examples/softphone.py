"""Talk to somebody through the microphone and the speaker of this machine.

python3 tools/examples/softphone.py sip:echo@127.0.0.1:5070 [DEVICE]
"""

import asyncio
import sys

import offhook
from offhook import events


async def main(uri: str, name: str = "") -> None:
    """Call, talk until one of the two hangs up (we do with Ctrl-C), and tell of the devices."""
    async with offhook.Engine.launch() as engine, await engine.dial(uri) as call:
        await call.answered()
        await call.listen(offhook.Device(f"{name}_speaker" if name else ""))
        await call.play(offhook.Device(f"{name}_microphone" if name else ""))
        async for event in call.events():
            if isinstance(event, events.DeviceChanged):
                print(f"{event.part} {event.device} {event.state}", flush=True)
        print(call.outcome, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
