"""SIP messages that went over the wire, on the wire of the bus: those of a call, also of late."""

import msgspec

from bus.body import Body


class GetTrace(Body, tag="get_trace", frozen=True):
    """Ask for the messages of a call.  Reply: ``Trace``, without messages if nothing is known."""

    call: str
    """A CallId, also of a call that has ended, or a SIP Call-ID."""


class TracedMessage(msgspec.Struct, frozen=True):
    """A SIP message, as it was on the wire."""

    at: float
    """Unix time."""
    direction: str
    """``sent`` or ``received``."""
    local: str
    """Our listener, ``udp:192.0.2.1:5060``."""
    remote: str
    sip_call_id: str
    text: str


class Trace(Body, tag="trace", frozen=True):
    """The messages, oldest first."""

    messages: tuple[TracedMessage, ...]
    left_out: int = 0
    """Older ones that are known, but did not fit into the frame."""


TraceCommand = GetTrace
