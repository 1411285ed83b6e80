"""Calls are heard on other workers through links: two streams that send to each other.

peer ── leg ═ near ── RTP on 127.0.0.1 ── far ═ leg or room
        worker of the call                another worker
"""

import msgspec

from bus.calls import Ok
from bus.errors import NoCapacityError, RefusedError, WrongStateError
from bus.ids import CallId, StreamId, WorkerId
from bus.streams import Aim, CloseStream, ConnectStream, OpenStream, Remote
from signaling.calls.call import Call, Waiting
from signaling.calls.link import End, Link
from signaling.core import Core

LOOPBACK = "127.0.0.1"
NOBODY = CallId("")
"""The call that a request about a link or a room is for."""
WIDE, WIDE_PAYLOAD_TYPE = "L16/16000", 97
"""What is sent if both workers have it; else PCMU."""


def reachable(core: Core, call: Call, worker: WorkerId) -> bool:
    """Whether a worker carries a call, or a link leads or can lead from it to there."""
    link = core.state.links.get(call.id)
    if call.leg.worker == worker or (link is not None and link.far.worker == worker):
        return True
    return all(_has_room(core, each) for each in (call.leg.worker, worker))


def check_reachable(core: Core, call: Call, worker: WorkerId) -> None:
    """Raise NoCapacityError if a call cannot be heard on a worker."""
    if not reachable(core, call, worker):
        raise NoCapacityError(
            f"call {call.id} is carried by worker {call.leg.worker}, not by {worker}, and one of"
            " them has no stream for a link: place it there with near="
        )


def connect(
    core: Core, call: Call, worker: WorkerId, to: ConnectStream, waiting: Waiting | None
) -> None:
    """Connect a call as ``to`` says, whose ``stream`` does not count, on a worker."""
    link = core.state.links.get(call.id)
    if call.leg.worker == worker:
        core.ask_leg(call, msgspec.structs.replace(to, stream=call.leg.stream), waiting)
        return
    if link is None:
        link = core.state.links[call.id] = Link(
            near=_open(core, call.leg.worker), far=_open(core, worker), then=to
        )
    link.then = msgspec.structs.replace(to, stream=link.far.stream)
    link.waiting += [waiting] if waiting is not None else []
    if _is_open(link):
        _connect_far(core, link)


def stream_on(core: Core, call: Call, worker: WorkerId) -> StreamId:
    """Return the stream by which a call is heard on a worker."""
    link = core.state.links.get(call.id)
    if link is not None and link.far.worker == worker:
        return link.far.stream
    return call.leg.stream


def linked(core: Core, stream: StreamId) -> Call | None:
    """Return the call whose link a stream is an end of."""
    for call, link in core.state.links.items():
        if stream in (link.near.stream, link.far.stream):
            return core.state.calls.get(call)
    return None


def opened(core: Core, call: Call, stream: StreamId, port: int) -> None:
    """Note the port of an end; when there are two, let them talk."""
    link = core.state.links[call.id]
    for end in (link.near, link.far):
        if end.stream == stream:
            end.port = port
    if not _is_open(link):
        return
    wide = all(_has_wide(core, end) for end in (link.near, link.far))
    for end, other in ((link.near, link.far), (link.far, link.near)):
        _ask(core, end, Aim(stream=end.stream, remote=_remote(other.port, wide=wide)))
    core.ask_leg(call, ConnectStream(stream=call.leg.stream, other=link.near.stream))
    _connect_far(core, link)


def unlink(core: Core, call: Call, why: RefusedError | None = None) -> None:
    """Close the link of a call, if it has one; who still waits for it is told why."""
    link = core.state.links.pop(call.id, None)
    if link is None:
        return
    for end in (link.near, link.far):
        seat = core.state.workers.seats.get(end.worker)
        if seat is not None and end.stream in seat.streams:
            seat.streams.remove(end.stream)
            core.ask(seat, NOBODY, CloseStream(stream=end.stream))
    for waiting in link.waiting:
        core.reply(waiting, why or WrongStateError(f"call {call.id} is connected otherwise"))


def forget(core: Core, stream: StreamId) -> None:
    """Know no more of an end that was never opened."""
    for seat in core.state.workers.seats.values():
        if stream in seat.streams:
            seat.streams.remove(stream)


def _has_room(core: Core, worker: WorkerId) -> bool:
    seat = core.state.workers.seats.get(worker)
    return (
        seat is not None
        and seat.state(core.now) == "up"
        and len(seat.streams) < seat.hello.capacity
    )


def _has_wide(core: Core, end: End) -> bool:
    seat = core.state.workers.seats.get(end.worker)
    return seat is not None and WIDE in seat.hello.codecs


def _open(core: Core, worker: WorkerId) -> End:
    end = End(worker=worker, stream=StreamId(core.entropy.number(63)))
    core.state.workers.seats[worker].streams.append(end.stream)
    _ask(core, end, OpenStream(stream=end.stream, address=LOOPBACK, caller_is_remote=True))
    return end


def _is_open(link: Link) -> bool:
    return link.near.port > 0 and link.far.port > 0


def _connect_far(core: Core, link: Link) -> None:
    """Connect the far end; the last who asked is told when that is done."""
    last = link.waiting.pop() if link.waiting else None
    for earlier in link.waiting:
        core.reply(earlier, Ok())
    link.waiting = []
    _ask(core, link.far, link.then, last)


def _remote(port: int, *, wide: bool) -> Remote:
    name, clock, payload_type = ("L16", 16000, WIDE_PAYLOAD_TYPE) if wide else ("PCMU", 8000, 0)
    return Remote(
        address=LOOPBACK,
        port=port,
        rtcp_port=port + 1,
        codec=name,
        clock=clock,
        payload_type=payload_type,
        receive_payload_type=payload_type,
    )


def _ask(
    core: Core,
    end: End,
    body: OpenStream | Aim | ConnectStream,
    waiting: Waiting | None = None,
) -> None:
    seat = core.state.workers.seats.get(end.worker)
    if seat is not None:
        core.ask(seat, NOBODY, body, waiting)
