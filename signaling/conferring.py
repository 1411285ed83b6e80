"""Conferences: made, joined, left and ended.

The room is opened on the worker of the first member; calls of others are linked to it.  A call
that ends leaves; a call that takes the place of another (INVITE with Replaces, a transfer that we
follow) is what that was, there and in a bridge.
"""

from bus.calls import Answered, Ended, Ok, Progress
from bus.errors import NoCapacityError, RefusedError, TooLateError
from bus.ids import PeerId, StreamId, WorkerId
from bus.routing import ConferenceEnded, Join, MemberChanged
from bus.streams import CloseStream, ConnectStream, OpenRoom
from signaling.calls.bridging import bridge, unbridge
from signaling.calls.call import Call, Waiting
from signaling.calls.linking import NOBODY, connect, forget, linked, reachable, stream_on, unlink
from signaling.conference import Conference, Member
from signaling.core import Core
from signaling.state import Asked


def place(core: Core, conference: Conference, worker: WorkerId) -> None:
    """Open the room of a conference, unless it is open.  Raises NoCapacityError."""
    if conference.stream:
        return
    seat = core.state.workers.seats.get(worker)
    if seat is None:
        raise NoCapacityError("no media worker is free")
    conference.worker, conference.stream = worker, StreamId(core.entropy.number(63))
    seat.streams.append(conference.stream)
    core.ask(seat, NOBODY, OpenRoom(stream=conference.stream))


def join(
    core: Core,
    conference: Conference,
    call: Call,
    member: Member,
    waiting: Waiting | None = None,
) -> None:
    """Let a call in, or change what it is."""
    unbridge(core, call, "elsewhere")
    if call.conference != conference.id:
        leave(core, call, "elsewhere")
    call.conference = conference.id
    conference.members[call.id] = member
    listener = core.state.calls.get(member.to)
    silent = member.role == "listen" or member.muted
    to = ConnectStream(
        stream=call.leg.stream,
        room=conference.stream,
        gain=0.0 if silent else factor(member.gain),
        whispers_to=stream_on(core, listener, conference.worker) if listener else StreamId(0),
    )
    connect(core, call, conference.worker, to, waiting)
    changed = MemberChanged(
        call=call.id,
        conference=conference.id,
        role=member.role,
        to=member.to,
        gain=member.gain,
        muted=member.muted,
    )
    core.tell(call, changed)


def leave(core: Core, call: Call, reason: str, waiting: Waiting | None = None) -> None:
    """Let a call out of its conference, if it is in one."""
    conference = core.state.conferences.get(call.conference)
    if conference is None:
        return
    _part(core, conference, call, reason, waiting)
    if not conference.members and conference.until_empty:
        end(core, conference, "empty")


def end(core: Core, conference: Conference, reason: str) -> None:
    """Let all out, and close the room."""
    core.state.conferences.pop(conference.id, None)
    for name in list(conference.members):
        call = core.state.calls.get(name)
        if call is not None:
            _part(core, conference, call, "ended")
    seat = core.state.workers.seats.get(conference.worker)
    if seat is not None and conference.stream in seat.streams:
        seat.streams.remove(conference.stream)
        core.ask(seat, NOBODY, CloseStream(stream=conference.stream))
    event = ConferenceEnded(conference=conference.id, reason=reason)
    client = core.state.clients.known.get(conference.owner)
    if client is not None:
        core.send_event(client, event)
    core.publish("call", event)


def follow(core: Core, event: Progress | Answered | Ended) -> None:
    """Take account of a call that is up, or over."""
    call = core.state.calls.get(event.call)
    if call is None:
        return
    if isinstance(event, Answered):
        before = core.state.calls.get(call.replaces or call.succeeds)
        if before is not None:
            _succeed(core, call, before)
    elif isinstance(event, Ended):
        part(core, call, "ended")


def part(core: Core, call: Call, reason: str) -> None:
    """Part a call from all others."""
    unbridge(core, call, reason)
    leave(core, call, reason)


def lost(core: Core, worker: WorkerId) -> None:
    """End what a worker mixed that is gone; bridges end with the calls that it carried."""
    for conference in list(core.state.conferences.values()):
        if conference.worker == worker and conference.stream:
            end(core, conference, f"media worker {worker} was lost")


def refused(core: Core, asked: Asked, error: RefusedError) -> None:
    """Part a call whose link a worker does not carry, if it is a link that was asked for."""
    call = linked(core, asked.stream)
    if call is not None:
        if asked.verb == "open_stream" and not isinstance(error, TooLateError):
            forget(core, asked.stream)
        unlink(core, call, error)
        part(core, call, "refused")


def owner_lost(core: Core, owner: PeerId) -> None:
    """End the conferences of a client that is gone before anybody joined them."""
    for conference in list(core.state.conferences.values()):
        if conference.owner == owner and conference.until_empty and not conference.members:
            end(core, conference, "its owner is gone")


def factor(decibels: float) -> float:
    """Return what a gain in dB multiplies by."""
    return float(10 ** (decibels / 20))


def member_of(command: Join) -> Member:
    """Return what a call is to be in a conference."""
    return Member(role=command.role, to=command.to, gain=command.gain, muted=command.muted)


def _part(
    core: Core, conference: Conference, call: Call, reason: str, waiting: Waiting | None = None
) -> None:
    conference.members.pop(call.id, None)
    call.conference = ""
    if call.leg.state == "open":
        core.ask_leg(call, ConnectStream(stream=call.leg.stream), waiting)
    else:
        core.reply(waiting, Ok())
    unlink(core, call)
    event = MemberChanged(call=call.id, conference=conference.id, role="", reason=reason)
    core.tell(call, event)


def _succeed(core: Core, call: Call, before: Call) -> None:
    """Let a call be what another one was, if it can be heard there."""
    partner = core.state.calls.get(before.bridged)
    conference = core.state.conferences.get(before.conference)
    if partner is not None and reachable(core, call, partner.leg.worker):
        bridge(core, call, partner)
    elif conference is not None and reachable(core, call, conference.worker):
        member = conference.members[before.id]
        join(core, conference, call, member)
        leave(core, before, "elsewhere")
