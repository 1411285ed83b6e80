"""Sound cards, as applications and the processes that serve them speak of them.

A process serves one direction of one call.  It says a line (JSON) for each ``DeviceReport`` and
reads one for each ``UseDevice``; when its input ends, so does it.
"""

from typing import Final

import msgspec

from bus.body import Body
from bus.errors import OffhookError
from bus.ids import CallId

MICROPHONE: Final = "microphone"
SPEAKER: Final = "speaker"
RINGER: Final = "ringer"
"""The parts that such a process can play."""


class DeviceError(OffhookError):
    """There is no such device, it does not open, or there is no PortAudio at all."""


class DeviceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A sound card, or what a sound server shows as one."""

    index: int
    name: str
    inputs: int
    outputs: int
    """Channels."""
    rate: float
    """Hz, that it prefers."""
    is_default_input: bool = False
    is_default_output: bool = False


def choose(devices: tuple[DeviceInfo, ...], wanted: str, *, output: bool) -> DeviceInfo:
    """Return the device meant by a name, a part of one or an index; empty is the default.

    Raises DeviceError if there is none such, or several.
    """
    usable = [each for each in devices if (each.outputs if output else each.inputs) > 0]
    way = "output" if output else "input"
    if not wanted:
        found = [each for each in usable if each.is_default_output or not output]
        found = [each for each in found if each.is_default_input or output]
    elif wanted.isdecimal():
        found = [each for each in usable if each.index == int(wanted)]
    else:
        found = [each for each in usable if each.name == wanted][:1] or [
            each for each in usable if wanted.lower() in each.name.lower()
        ]
    if len(found) == 1:
        return found[0]
    names = ", ".join(repr(each.name) for each in found or usable) or "none"
    many = f"several {way} devices" if found else f"no {way} device"
    raise DeviceError(f"{many} {wanted or 'by default'!r}; there are: {names}")


class DeviceChanged(Body, tag="device_changed", frozen=True):
    """A device of a call was opened, or went away (and is opened again when it is back).

    Said by the library of the application, not by the engine.
    """

    call: CallId
    part: str
    """``microphone`` or ``speaker``."""
    state: str
    """``open`` or ``lost``."""
    device: str
    reason: str = ""


class UseDevice(msgspec.Struct, tag="use", frozen=True):
    """Serve another device from now on."""

    device: str


class Opened(msgspec.Struct, tag="opened", frozen=True):
    """It is heard, or hears."""

    device: str
    rate: int
    """Hz, that it runs at."""


class Lost(msgspec.Struct, tag="lost", frozen=True):
    """It could not be opened, or went away; it is tried again."""

    device: str
    reason: str


class Impossible(msgspec.Struct, tag="impossible", frozen=True):
    """It will never be: the process ends."""

    reason: str


class Pulse(msgspec.Struct, tag="pulse", frozen=True):
    """Said every second, so that a driver that hangs is noticed."""

    waiting_ms: float = 0.0
    """Between the two clocks, and what should in the mean."""
    target_ms: float = 0.0
    clocks_ppm: float = 0.0
    """By how much the clock of the drain is faster."""
    silent_ms: float = 0.0
    """Made up because nothing was there, in all."""
    skipped_ms: float = 0.0
    """Left out because too much was there, in all."""


class Listed(msgspec.Struct, tag="listed", frozen=True):
    """All devices."""

    devices: tuple[DeviceInfo, ...]


DeviceReport = Opened | Lost | Impossible | Pulse | Listed
DeviceEvent = DeviceChanged
