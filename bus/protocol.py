"""All that applications and signaling say to each other, in a few unions.

``Command`` is sent to signaling; its ``Reply`` is named behind each verb.  ``ClientEvent``
goes to the owner of a call or registration and to the public feed, whose subscribers read
``FeedEvent``.
"""

from bus.audio import AudioCommand
from bus.calls import (
    Answered,
    CallCommand,
    Calls,
    Dialled,
    DigitReceived,
    DigitsSent,
    Ended,
    IncomingCall,
    MediaChanged,
    Ok,
    PlayFinished,
    Progress,
    SipMessage,
    Snapshot,
    Status,
    Welcome,
    WorkerChanged,
    Workers,
)
from bus.devices import DeviceEvent
from bus.holding import HoldCommand, HoldEvent
from bus.quality import QualityEvent
from bus.registrations import (
    Registering,
    RegistrationCommand,
    RegistrationEvent,
    Registrations,
)
from bus.routing import ConferenceEnded, RoutingCommand, RoutingEvent, RoutingReply
from bus.speaking import SpeechCommand, SpeechEvent
from bus.tracing import Trace, TraceCommand
from bus.transfers import TransferCommand, TransferEvent

Command = (
    CallCommand
    | HoldCommand
    | TransferCommand
    | RegistrationCommand
    | TraceCommand
    | SpeechCommand
    | AudioCommand
    | RoutingCommand
)
Reply = (
    Ok
    | Welcome
    | Dialled
    | Calls
    | Workers
    | Status
    | Registering
    | Registrations
    | Trace
    | RoutingReply
)
CallEvent = (
    IncomingCall
    | Progress
    | Answered
    | DigitReceived
    | DigitsSent
    | PlayFinished
    | MediaChanged
    | Ended
    | Snapshot
    | HoldEvent
    | SpeechEvent
    | DeviceEvent
    | TransferEvent
    | QualityEvent
    | RoutingEvent
)
ClientEvent = CallEvent | RegistrationEvent | ConferenceEnded
FeedEvent = ClientEvent | WorkerChanged | SipMessage
