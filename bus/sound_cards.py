"""The sound cards of calls: the processes that serve them, launched and looked after.

A process serves one direction of one call (``mediaworker.devices``) and exchanges audio with the
worker by the rings of ``bus.audio``, as an application would.  One that dies or hangs is replaced;
the call hears silence meanwhile.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from pathlib import Path
from typing import Final, Protocol

import msgspec

from bus import calls as verbs
from bus.asking import Engine
from bus.audio import CloseAudio
from bus.audio_stream import AudibleCall, lend
from bus.devices import (
    MICROPHONE,
    RINGER,
    SPEAKER,
    DeviceChanged,
    DeviceError,
    DeviceInfo,
    DeviceReport,
    Impossible,
    Listed,
    Lost,
    Opened,
    Pulse,
    UseDevice,
    choose,
)
from bus.sources import Application, Device

ROOT: Final = str(Path(__file__).resolve().parent.parent)
RATE: Final = 16000
"""Hz of the rings: what a card hears is worth it, and echo cancellation needs it."""
OPEN_WITHIN: Final = 15.0
HUNG_AFTER: Final = 5.0
"""Seconds without a word."""
AGAIN: Final = 1.0
END_WITHIN: Final = 2.0

_reports: msgspec.json.Decoder[DeviceReport] = msgspec.json.Decoder(DeviceReport)
_encode = msgspec.json.Encoder().encode

Told = Callable[[Opened | Lost], None]


class DeviceProcess:
    """One process, and its successor if it dies."""

    def __init__(self, part: str, device: str, words: Iterable[str], told: Told) -> None:
        self.part, self.device, self.told = part, device, told
        self.pulse = Pulse()
        """How it goes, said every second."""
        self.words = tuple(words)
        self._process: asyncio.subprocess.Process | None = None
        self._first: asyncio.Future[None] | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when the device is open.  Raises DeviceError if it does not open."""
        self._watch = asyncio.create_task(self._look_after())
        try:
            await self._settled()
        except DeviceError:
            await self.stop()
            raise

    async def use(self, device: str) -> None:
        """Change to another device; what is heard meanwhile is silence.  Raises DeviceError."""
        self.device = device
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(_encode(UseDevice(device)) + b"\n")
        await self._settled()

    async def stop(self) -> None:
        """End it."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])

    async def _settled(self) -> None:
        self._first = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(OPEN_WITHIN):
                await self._first
        except TimeoutError:
            raise DeviceError(f"{self.device or 'the default device'} does not open") from None

    async def _look_after(self) -> None:
        while True:
            async with launched([self.part, "--device", self.device, *self.words]) as process:
                self._process = process
                reason = await self._hear(process)
            self._process = None
            if reason is None:
                return
            self._tell(Lost(self.device, reason))
            await asyncio.sleep(AGAIN)

    async def _hear(self, process: asyncio.subprocess.Process) -> str | None:
        """Take what it says until it ends; return why, or None if it was to end."""
        assert process.stdout is not None
        while True:
            try:
                async with asyncio.timeout(HUNG_AFTER):
                    line = await process.stdout.readline()
            except TimeoutError:
                return "it hung"
            if not line:
                code = await process.wait()
                return None if code == 0 else f"its process ended with {code}"
            match _reports.decode(line):
                case Pulse() as pulse:
                    self.pulse = pulse
                case Opened() | Lost() as report:
                    self._tell(report)
                case Impossible(reason):
                    self._tell(Lost(self.device, reason))
                case Listed():
                    pass

    def _tell(self, report: Opened | Lost) -> None:
        first, self._first = self._first, None
        if first is None or first.done():
            self.told(report)
        elif isinstance(report, Opened):
            self.told(report)
            first.set_result(None)
        else:
            first.set_exception(DeviceError(report.reason))


class DeviceCall(AudibleCall, Protocol):
    """What is needed of a call, which learns of its devices."""

    def apply(self, event: DeviceChanged, at: float) -> None:
        """Take an event."""
        ...


class CallDevices:
    """The microphone and the speaker of a call."""

    def __init__(self, engine: Engine, call: DeviceCall) -> None:
        self._engine, self._call = engine, call
        self._rings: tuple[str, ...] = ()
        self.parts: dict[str, DeviceProcess] = {}

    async def play(self, device: Device) -> None:
        """Let the peer hear a microphone.  Raises DeviceError."""
        await self._use(MICROPHONE, device)
        play = verbs.Play(call=self._call.id, source=Application())
        await self._engine.ask(play, verbs.Ok)

    async def listen(self, device: Device) -> None:
        """Let the peer be heard from a speaker.  Raises DeviceError."""
        await self._use(SPEAKER, device)

    async def stop(self, part: str) -> None:
        """Let go of one of them; do nothing if there is none."""
        process = self.parts.pop(part, None)
        if process is None:
            return
        await process.stop()
        if not self.parts and self._call.outcome is None:
            self._rings = ()
            await self._engine.ask(CloseAudio(call=self._call.id), verbs.Ok)

    async def _use(self, part: str, device: Device) -> None:
        process = self.parts.get(part)
        if process is not None and ("--voice" in process.words) == device.voice:
            await process.use(device.name)
            return
        if process is not None:
            await self.parts.pop(part).stop()
        if not self._rings:
            end = await lend(self._engine, self._call, RATE)
            self._rings = "--rings", str(end.rings.path), "--stream", str(end.stream)
        words = (*self._rings, "--voice") if device.voice else self._rings
        told = self._told(part)
        process = self.parts[part] = DeviceProcess(part, device.name, words, told)
        try:
            await process.start()
        except DeviceError:
            await self.stop(part)
            raise

    def _told(self, part: str) -> Told:
        def told(report: Opened | Lost) -> None:
            is_open = isinstance(report, Opened)
            event = DeviceChanged(
                call=self._call.id,
                part=part,
                state="open" if is_open else "lost",
                device=report.device,
                reason="" if isinstance(report, Opened) else report.reason,
            )
            self._call.apply(event, time.time())

        return told


@contextlib.asynccontextmanager
async def ringing(device: str) -> AsyncGenerator[None]:
    """Ring on a device, for the block.  Raises DeviceError."""
    process = DeviceProcess(RINGER, device, (), lambda report: None)
    await process.start()
    try:
        yield
    finally:
        await process.stop()


async def list_devices() -> tuple[DeviceInfo, ...]:
    """Return the sound cards of this machine.  Raises DeviceError."""
    async with launched(["list"]) as process:
        assert process.stdout is not None
        line = await process.stdout.readline()
    match _reports.decode(line) if line else Impossible("no list of devices came"):
        case Listed(devices):
            return devices
        case Impossible(reason):
            raise DeviceError(reason)
        case _:
            raise DeviceError("the process that lists devices said something else")


async def check_device(name: str, *, output: bool) -> DeviceInfo:
    """Return the device of a name, a part of one or an index.  Raises DeviceError."""
    return choose(await list_devices(), name, output=output)


@contextlib.asynccontextmanager
async def launched(words: list[str]) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run a process of devices for the block; it is gone afterwards."""
    path = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "mediaworker.devices", *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=None if os.environ.get("OFFHOOK_DEVICES_DEBUG") else asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(END_WITHIN):
            await process.wait()
    except (TimeoutError, asyncio.CancelledError):
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
