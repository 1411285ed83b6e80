"""Two calls whose peers hear each other; either is in one bridge at most."""

from bus.calls import Ok
from bus.ids import CallId
from bus.routing import Bridged, Unbridged
from bus.streams import ConnectStream
from signaling.calls.call import Call, Waiting
from signaling.calls.linking import connect, unlink
from signaling.core import Core


def bridge(core: Core, call: Call, other: Call, waiting: Waiting | None = None) -> None:
    """Let two calls hear each other; ``call`` can reach the other's worker."""
    if call.bridged == other.id:
        core.reply(waiting, Ok())
        return
    for each in (call, other):
        unbridge(core, each, "elsewhere")
    call.bridged, other.bridged = other.id, call.id
    to = ConnectStream(stream=call.leg.stream, other=other.leg.stream)
    connect(core, call, other.leg.worker, to, waiting)
    core.tell(call, Bridged(call=call.id, other=other.id))
    core.tell(other, Bridged(call=other.id, other=call.id))


def unbridge(core: Core, call: Call, reason: str, waiting: Waiting | None = None) -> None:
    """Part a call from the one it is bridged with, if any."""
    other = core.state.calls.get(call.bridged)
    if not call.bridged:
        return
    core.ask_leg(call, ConnectStream(stream=call.leg.stream), waiting)
    unlink(core, call)
    left, call.bridged = call.bridged, CallId("")
    core.tell(call, Unbridged(call=call.id, other=left, reason=reason))
    if other is not None:
        if other.leg.state == "open":
            core.ask_leg(other, ConnectStream(stream=other.leg.stream))
        unlink(core, other)
        other.bridged = CallId("")
        core.tell(other, Unbridged(call=other.id, other=call.id, reason=reason))
