"""Bridges, conferences, gain and queues, as applications ask for them."""

import math

import msgspec

from bus.calls import Ok
from bus.errors import BadRequestError, NoCapacityError, NotFoundError, WrongStateError
from bus.routing import (
    Bridge,
    Conferences,
    EndConference,
    GetPosition,
    Join,
    Leave,
    ListConferences,
    OpenConference,
    Opened,
    PauseRecording,
    PlayConference,
    Queue,
    RecordConference,
    Turn,
    Unbridge,
)
from bus.streams import (
    GetStreamPosition,
    PauseStreamRecording,
    PlayStream,
    QueueStream,
    RecordStream,
    TurnStream,
)
from signaling.calls.bridging import bridge, unbridge
from signaling.calls.call import Waiting
from signaling.calls.linking import NOBODY, check_reachable
from signaling.checks import call_named, call_up, check_source
from signaling.clients import Client
from signaling.conference import Conference
from signaling.conferring import end, factor, join, leave, member_of, part, place
from signaling.core import Core
from signaling.verbs.verb import Verbs

ROLES = ("speak", "listen", "whisper")
LOUDEST = 40.0
"""dB."""


def _bridge(core: Core, client: Client, waiting: Waiting, command: Bridge) -> None:
    call, other = call_up(core, command.call), call_up(core, command.other)
    if call is other:
        raise BadRequestError("other: a call cannot be bridged with itself")
    check_reachable(core, call, other.leg.worker)
    for each in (call, other):
        if each.bridged not in (call.id, other.id):
            part(core, each, "elsewhere")
    bridge(core, call, other, waiting)


def _unbridge(core: Core, client: Client, waiting: Waiting, command: Unbridge) -> None:
    call = call_named(core, command.call)
    if not call.bridged:
        raise WrongStateError(f"call {call.id} is not bridged")
    unbridge(core, call, "asked", waiting)


def _open(core: Core, client: Client, waiting: Waiting, command: OpenConference) -> None:
    core.state.conferences_total += 1
    conference = Conference(
        id=f"{core.state.incarnation[:6]}-c{core.state.conferences_total}",
        owner=client.peer,
        until_empty=command.until_empty,
    )
    if command.near:
        place(core, conference, call_up(core, command.near).leg.worker)
    core.state.conferences[conference.id] = conference
    core.reply(waiting, Opened(conference=conference.id))


def _join(core: Core, client: Client, waiting: Waiting, command: Join) -> None:
    conference, call = _named(core, command.conference), call_up(core, command.call)
    if command.role not in ROLES:
        raise BadRequestError(f"role: {command.role!r} is none of {', '.join(ROLES)}")
    if (command.role == "whisper") != bool(command.to):
        raise BadRequestError("to: a member that whispers does so to one call, others to none")
    if command.to and (command.to == call.id or command.to not in conference.members):
        raise BadRequestError(f"to: {command.to} is no other member of {conference.id}")
    _check_gain("gain", command.gain)
    place(core, conference, call.leg.worker)
    check_reachable(core, call, conference.worker)
    join(core, conference, call, member_of(command), waiting)


def _leave(core: Core, client: Client, waiting: Waiting, command: Leave) -> None:
    call = call_named(core, command.call)
    if not call.conference:
        raise WrongStateError(f"call {call.id} is in no conference")
    leave(core, call, "asked", waiting)


def _end(core: Core, client: Client, waiting: Waiting, command: EndConference) -> None:
    end(core, _named(core, command.conference), "asked")
    core.reply(waiting, Ok())


def _play(core: Core, client: Client, waiting: Waiting, command: PlayConference) -> None:
    check_source(command.source)
    conference = _placed(core, command.conference)
    seat = core.state.workers.seats[conference.worker]
    request = PlayStream(stream=conference.stream, source=command.source)
    core.ask(seat, NOBODY, request, waiting)


def _record(core: Core, client: Client, waiting: Waiting, command: RecordConference) -> None:
    conference = _placed(core, command.conference)
    conference.record = command.path
    seat = core.state.workers.seats[conference.worker]
    request = RecordStream(stream=conference.stream, path=command.path, layout="mixed")
    core.ask(seat, NOBODY, request, waiting)


def _list(core: Core, client: Client, waiting: Waiting, command: ListConferences) -> None:
    found = tuple(each.info() for each in core.state.conferences.values())
    core.reply(waiting, Conferences(conferences=found))


def _turn(core: Core, client: Client, waiting: Waiting, command: Turn) -> None:
    call = call_up(core, command.call)
    for field in ("received", "sent"):
        _check_gain(field, getattr(command, field) or 0.0)
    before = call.turned or Turn(call=call.id)
    said = {name: getattr(command, name) for name in command.__struct_fields__}
    changes = {name: value for name, value in said.items() if value is not None}
    turned = call.turned = msgspec.structs.replace(before, **changes)
    request = TurnStream(
        stream=call.leg.stream,
        received=0.0 if turned.mute_received else factor(turned.received or 0.0),
        sent=0.0 if turned.mute_sent else factor(turned.sent or 0.0),
    )
    core.ask_leg(call, request, waiting)


def _queue(core: Core, client: Client, waiting: Waiting, command: Queue) -> None:
    check_source(command.source)
    call = call_up(core, command.call)
    core.ask_leg(call, QueueStream(stream=call.leg.stream, source=command.source), waiting)


def _position(core: Core, client: Client, waiting: Waiting, command: GetPosition) -> None:
    call = call_up(core, command.call)
    core.ask_leg(call, GetStreamPosition(stream=call.leg.stream), waiting)


def _pause(core: Core, client: Client, waiting: Waiting, command: PauseRecording) -> None:
    call = call_up(core, command.call)
    request = PauseStreamRecording(stream=call.leg.stream, paused=command.paused)
    core.ask_leg(call, request, waiting)


def _named(core: Core, name: str) -> Conference:
    conference = core.state.conferences.get(name)
    if conference is None:
        raise NotFoundError(f"no conference {name!r}")
    return conference


def _placed(core: Core, name: str) -> Conference:
    """Return a conference that has a room; one without members gets it anywhere."""
    conference = _named(core, name)
    if not conference.stream:
        seat = core.state.workers.choose(core.now)
        if seat is None:
            raise NoCapacityError("no media worker is free")
        place(core, conference, seat.hello.worker)
    return conference


def _check_gain(field: str, gain: float) -> None:
    if not (math.isfinite(gain) and gain <= LOUDEST):
        raise BadRequestError(f"{field}: {gain} dB is not up to {LOUDEST:g}")


VERBS: Verbs = {
    Bridge: _bridge,
    Unbridge: _unbridge,
    OpenConference: _open,
    Join: _join,
    Leave: _leave,
    EndConference: _end,
    PlayConference: _play,
    RecordConference: _record,
    ListConferences: _list,
    Turn: _turn,
    Queue: _queue,
    GetPosition: _position,
    PauseRecording: _pause,
}
