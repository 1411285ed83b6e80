"""``offhook devices``: the microphones and speakers of this machine."""

import argparse
import asyncio

from bus.commands.command import Command, Options
from bus.commands.output import Output, table
from bus.devices import DeviceInfo
from bus.sound_cards import list_devices

HEAD = ("INDEX", "NAME", "INPUTS", "OUTPUTS", "HZ", "DEFAULT")


def _flags(parser: argparse.ArgumentParser) -> None:
    del parser  # none of its own


def _run(options: Options) -> int:
    output, devices = Output(options.json), asyncio.run(list_devices())
    for device in devices if options.json else ():
        output.tell("device", device.name, facts=device)
    if not options.json:
        output.tell("devices", table([HEAD, *(_row(device) for device in devices)]))
    return 0


def _row(device: DeviceInfo) -> tuple[str, ...]:
    default = ("input" if device.is_default_input else "", device.is_default_output * "output")
    return (
        *(str(device.index), device.name, str(device.inputs), str(device.outputs)),
        *(f"{device.rate:g}", " ".join(filter(None, default))),
    )


DEVICES = Command("devices", "microphones and speakers", Options, _flags, _run)
