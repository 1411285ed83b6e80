"""Offhook: place and take SIP calls.  The public face; in the order in which one needs it.

async with offhook.Engine.launch() as engine:          # or Engine.connect(run_dir)
    call = await engine.dial("sip:echo@127.0.0.1:5070", play=offhook.Tone(440))
    await call.answered()
    await call.send_digits("123#")
    await call.hang_up()

async for call in engine.incoming():
    await call.ring()
    await call.answer(play="welcome.wav", record="call.wav")
    await call.hold(music="music.wav")
    await call.resume()
    await call.transfer("sip:somebody@example.com")    # or to another call of ours
"""

# ruff: noqa: I001  (reading order)

# Start one, or use one that runs.
from bus.engine import Engine

# A call: what it can do.
from bus.call import Call, CallState
from bus.incoming_call import IncomingCall
from bus.incoming import IncomingCalls

# Calls that hear each other.
from bus.conferencing import Bridging, Conference
from bus.routing import ConferenceInfo, MemberInfo, Position

# What peers ask us to call, and where we are registered.
from bus.transfer_requests import TransferRequest, TransferRequests
from bus.registering import Registration, RegistrationState
from bus.registrations import RegistrationInfo

# What a leg can be made to hear; the path of a WAV file will do as well.
from bus.sources import Device, Echo, Music, Silence, Tone, Wave

# Its audio in our own hands, and the sound cards of this machine.
from bus.audio_stream import Audio, AudioSource, Samples
from bus.audio_rings import AudioClosedError, AudioEnd
from bus.devices import DeviceInfo
from bus.sound_cards import list_devices, ringing

# How it ended: returned by ``ended()``, raised by ``answered()``.
from bus.outcomes import (
    AnyOutcome,
    Busy,
    CallFailed,
    CallOutcome,
    Cancelled,
    Completed,
    Failed,
    MediaNotAcceptable,
    NoAnswer,
    Redirected,
    Rejected,
    Transferred,
    Unreachable,
)
from bus.calls import OnOwnerLost, Quality
from bus.gauges import Reading

# What happens: ``events.Answered``, ``events.DigitReceived`` ...
from bus import events
from bus.feed import Feed, Missed, Observed

# What can go wrong.
from bus.devices import DeviceError
from bus.errors import (
    BadRequestError,
    BadSourceError,
    EngineLostError,
    ForbiddenError,
    LaunchError,
    NoCapacityError,
    NotFoundError,
    OffhookError,
    PeerRefusedError,
    RefusedError,
    WrongStateError,
)
from bus.outcomes import CallEndedError, TransferFailedError
from bus.registering import RegistrationFailedError

__all__ = [
    "AnyOutcome",
    "Audio",
    "AudioClosedError",
    "AudioEnd",
    "AudioSource",
    "BadRequestError",
    "BadSourceError",
    "Bridging",
    "Busy",
    "Call",
    "CallEndedError",
    "CallFailed",
    "CallOutcome",
    "CallState",
    "Cancelled",
    "Completed",
    "Conference",
    "ConferenceInfo",
    "Device",
    "DeviceError",
    "DeviceInfo",
    "Echo",
    "Engine",
    "EngineLostError",
    "Failed",
    "Feed",
    "ForbiddenError",
    "IncomingCall",
    "IncomingCalls",
    "LaunchError",
    "MediaNotAcceptable",
    "MemberInfo",
    "Missed",
    "Music",
    "NoAnswer",
    "NoCapacityError",
    "NotFoundError",
    "Observed",
    "OffhookError",
    "OnOwnerLost",
    "PeerRefusedError",
    "Position",
    "Quality",
    "Reading",
    "Redirected",
    "RefusedError",
    "Registration",
    "RegistrationFailedError",
    "RegistrationInfo",
    "RegistrationState",
    "Rejected",
    "Samples",
    "Silence",
    "Tone",
    "TransferFailedError",
    "TransferRequest",
    "TransferRequests",
    "Transferred",
    "Unreachable",
    "Wave",
    "WrongStateError",
    "events",
    "list_devices",
    "ringing",
]
