"""Everything that can happen, under one name: ``offhook.events.Answered`` and so on."""

from bus.calls import (
    Answered,
    DigitReceived,
    DigitsSent,
    Ended,
    IncomingCall,
    MediaChanged,
    PlayFinished,
    Progress,
    SipMessage,
    Snapshot,
    WorkerChanged,
)
from bus.devices import DeviceChanged
from bus.holding import HoldChanged
from bus.quality import MediaResumed, MediaTimeout, QualityChanged
from bus.registrations import RegistrationChanged
from bus.routing import Bridged, ConferenceEnded, MemberChanged, Unbridged
from bus.speaking import SpeechChanged
from bus.transfers import Replaced, TransferAsked, TransferEnded, TransferProgress

__all__ = [
    "Answered",
    "Bridged",
    "ConferenceEnded",
    "DeviceChanged",
    "DigitReceived",
    "DigitsSent",
    "Ended",
    "HoldChanged",
    "IncomingCall",
    "MediaChanged",
    "MediaResumed",
    "MediaTimeout",
    "MemberChanged",
    "PlayFinished",
    "Progress",
    "QualityChanged",
    "RegistrationChanged",
    "Replaced",
    "SipMessage",
    "Snapshot",
    "SpeechChanged",
    "TransferAsked",
    "TransferEnded",
    "TransferProgress",
    "Unbridged",
    "WorkerChanged",
]
