"""The devices of a call at the command line: ``--play device --listen device``."""

import argparse
from typing import Final

import msgspec

from bus.call import Call
from bus.commands.command import Options
from bus.errors import BadRequestError
from bus.playing import parse_source
from bus.sound_cards import check_device
from bus.sources import AnySource, Device, Silence

DEVICE: Final = "device"


class SoftphoneOptions(Options, frozen=True, kw_only=True):
    """Flags of commands that make calls audible."""

    listen: str = ""
    device: str = ""
    input: str = ""
    output: str = ""
    voice: bool = False


class Phone(msgspec.Struct, frozen=True):
    """What a call is spoken into and heard from."""

    microphone: Device | None = None
    speaker: Device | None = None

    async def check(self) -> None:
        """Raise DeviceError if one of them is not there."""
        for device, output in ((self.microphone, False), (self.speaker, True)):
            if device is not None:
                await check_device(device.name, output=output)

    async def take(self, call: Call) -> None:
        """Speak and listen, once the call is answered.  Raises DeviceError or how it failed."""
        await call.answered()
        if self.speaker is not None:
            await call.listen(self.speaker)
        if self.microphone is not None:
            await call.play(self.microphone)


def softphone_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("--listen", metavar="device", default="", help="hear it from a speaker")
    parser.add_argument("--device", metavar="NAME", default="", help="microphone and speaker")
    parser.add_argument("--input", metavar="NAME", default="", help="microphone, if another")
    parser.add_argument("--output", metavar="NAME", default="", help="speaker, if another")
    parser.add_argument(
        "--voice", action="store_true", help="no echo, no noise, even loudness (offhook[voice])"
    )


def is_device(what: str) -> bool:
    """Whether ``--play`` or ``--listen`` means a device: ``device`` or ``device:NAME``."""
    return what.partition(":")[0] == DEVICE


def phone_of(play: str, options: SoftphoneOptions) -> Phone:
    """Return the devices that flags mean.  Raises BadRequestError."""
    if options.listen and not is_device(options.listen):
        raise BadRequestError(f"--listen {options.listen}: it is `device` or `device:NAME`")
    microphone, speaker = (
        Device(what.partition(":")[2] or name or options.device) if is_device(what) else None
        for what, name in ((play, options.input), (options.listen, options.output))
    )
    if microphone is not None and options.voice:
        microphone = msgspec.structs.replace(microphone, voice=True)
    return Phone(microphone, speaker)


def source_of(play: str) -> AnySource:
    """Return what the peer hears until the microphone is open, or for good."""
    return Silence() if is_device(play) else parse_source(play)
