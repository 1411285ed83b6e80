"""What applications ask for: one function a verb, found in ``VERBS`` (by ``client_frames``).

A function replies itself (now or, for what a worker has to do first, later) or raises a
``RefusedError``, which is the reply.
"""

from bus import calls
from bus.errors import (
    BadRequestError,
    NoCapacityError,
    WrongStateError,
)
from bus.ids import CallId
from bus.streams import PlayStream, RecordStream
from signaling.calls.acts import step
from signaling.calls.call import Call, Leg, Outgoing, Waiting
from signaling.calls.dialling import SCHEMES, aim_at_target, ready
from signaling.calls.states import Cue, State
from signaling.calls.verdicts import Happening
from signaling.checks import (
    call_named,
    call_up,
    check_headers,
    check_source,
    check_text,
    check_uri,
)
from signaling.clients import Client, Subscription
from signaling.core import Core
from signaling.sdp.codecs import CODECS
from signaling.sdp.offer_answer import Negotiation
from signaling.sending import contact, listener_for, locate, route_to
from signaling.sip.errors import SipError
from signaling.sip.headers import NameAddr, render_name_addr
from signaling.sip.uri import parse_uri
from signaling.verbs import digits, holding, registering, tracing
from signaling.verbs.verb import Verbs

LONGEST_RING = 86400.0
"""Seconds."""

CODEC_NAMES = frozenset(codec.name for codec in CODECS if codec.name != "telephone-event")


def _ping(core: Core, client: Client, waiting: Waiting, command: calls.Ping) -> None:
    core.reply(waiting, calls.Ok())


def _again(core: Core, client: Client, waiting: Waiting, command: calls.Hello) -> None:
    raise BadRequestError("hello: this session is open already")


def _subscribe(core: Core, client: Client, waiting: Waiting, command: calls.Subscribe) -> None:
    subscription = Subscription(command.user, command.on_owner_lost)
    client.subscriptions = [s for s in client.subscriptions if s.user != command.user]
    client.subscriptions.append(subscription)
    core.reply(waiting, calls.Ok())


def _unsubscribe(core: Core, client: Client, waiting: Waiting, command: calls.Unsubscribe) -> None:
    client.subscriptions = []
    core.reply(waiting, calls.Ok())


# ------------------------------------------------------------------------------------ dialling


def _dial(core: Core, client: Client, waiting: Waiting, command: calls.Dial) -> None:
    if core.state.draining:
        raise NoCapacityError(f"no new calls: {core.state.draining}")
    call = _new_call(core, client, command)
    if core.state.workers.choose(core.now) is None:
        raise NoCapacityError("no media worker is free")
    core.state.calls[call.id] = call
    core.reply(waiting, calls.Dialled(call=call.id))
    if call.out is None:
        return
    reason = aim_at_target(core, call, call.out)
    if reason:
        step(core, call, Cue.UNRESOLVED, Happening(reason=reason))
    elif (then := ready(core, call)) is not None:
        step(core, call, then, Happening(reason="no media worker is free"))


def _new_call(core: Core, client: Client, command: calls.Dial) -> Call:
    _check_dial(command)
    proxy = command.proxy or core.state.settings.sip.proxy
    search = locate(core, parse_uri(proxy or command.uri))
    if not search.transports:
        raise BadRequestError(f"uri: {search.reason}")
    listener = listener_for(core, search.transports[0]) or core.state.listeners[0]
    core.state.calls_total += 1
    from_uri = command.from_uri or contact(listener)[1:-1].partition(";")[0]
    local = NameAddr(display=command.from_display, uri=from_uri, parameters=())
    return Call(
        id=CallId(f"{core.state.incarnation[:6]}-{core.state.calls_total}"),
        state=State.PLACING,
        owner=client.peer,
        on_owner_lost=command.on_owner_lost,
        local_uri=from_uri,
        remote_uri=command.uri,
        sip_call_id=core.entropy.token(16),
        local=render_name_addr(local),
        local_tag=core.entropy.token(),
        listener=listener.name,
        started_at=core.now,
        play=command.play,
        record=command.record,
        out=Outgoing(
            target=command.uri,
            redirects_left=command.max_redirects,
            route=(route_to(proxy),) if proxy else (),
            codecs=command.codecs,
            headers=command.headers,
            ring_timeout=command.ring_timeout,
            user=command.user,
            password=command.password,
        ),
        leg=Leg(address=listener.bind),
        negotiation=Negotiation(),
    )


def _check_dial(command: calls.Dial) -> None:
    """Raise BadRequestError naming the field of a Dial that is not sound."""
    try:
        uri = parse_uri(command.uri)
    except SipError as error:
        raise BadRequestError(f"uri: {error}") from None
    if uri.scheme not in SCHEMES:
        raise BadRequestError(f"uri: scheme {uri.scheme!r} is not supported, only sip and sips")
    if command.proxy:
        check_uri("proxy", command.proxy)
    if command.from_uri:
        check_uri("from_uri", command.from_uri)
    if not command.codecs or any(name not in CODEC_NAMES for name in command.codecs):
        raise BadRequestError(f"codecs: {command.codecs!r} must be some of {sorted(CODEC_NAMES)}")
    if not 0 < command.ring_timeout <= LONGEST_RING:  # NaN is neither
        raise BadRequestError(f"ring_timeout: {command.ring_timeout} is not above 0, to a day")
    check_source(command.play)
    check_headers(command.headers)
    check_text("from_display", command.from_display)
    check_text("user", command.user)


# ---------------------------------------------------------------------------- incoming calls


def _ring(core: Core, client: Client, waiting: Waiting, command: calls.Ring) -> None:
    if not 101 <= command.status <= 199:
        raise BadRequestError(f"ring: status {command.status} is not from 101 to 199")
    check_text("reason", command.reason)
    happening = Happening(status=command.status, reason=command.reason)
    _must(core, waiting, command.call, Cue.RING, happening)


def _answer(core: Core, client: Client, waiting: Waiting, command: calls.Answer) -> None:
    check_source(command.play)
    check_headers(command.headers)
    call = call_named(core, command.call)
    if call.out or call.state is not State.OFFERED:
        raise WrongStateError(f"call {call.id} is {call.info().state}, it cannot be answered")
    call.play, call.record, call.answer_headers = command.play, command.record, command.headers
    call.answering = waiting
    step(core, call, Cue.ANSWER)


def _reject(core: Core, client: Client, waiting: Waiting, command: calls.Reject) -> None:
    if not 400 <= command.status <= 699:
        raise BadRequestError(f"reject: status {command.status} is not from 400 to 699")
    check_text("reason", command.reason)
    happening = Happening(status=command.status, reason=command.reason)
    _must(core, waiting, command.call, Cue.REJECT, happening)


def _redirect(core: Core, client: Client, waiting: Waiting, command: calls.Redirect) -> None:
    if not 300 <= command.status <= 399:
        raise BadRequestError(f"redirect: status {command.status} is not from 300 to 399")
    if not command.contacts:
        raise BadRequestError("redirect: `contacts` is empty")
    for uri in command.contacts:
        check_uri("contacts", uri)
    happening = Happening(status=command.status, contacts=command.contacts)
    _must(core, waiting, command.call, Cue.REDIRECT, happening)


def _must(core: Core, waiting: Waiting, call_id: CallId, cue: Cue, happening: Happening) -> None:
    call = call_named(core, call_id)
    if not step(core, call, cue, happening):
        raise WrongStateError(f"call {call.id} is {call.info().state}: cannot {cue.value} it")
    core.reply(waiting, calls.Ok())


# --------------------------------------------------------------------------------- any call


def _hang_up(core: Core, client: Client, waiting: Waiting, command: calls.HangUp) -> None:
    check_text("reason", command.reason)
    call = call_named(core, command.call)
    step(core, call, Cue.HANG_UP, Happening(reason=command.reason))
    core.reply(waiting, calls.Ok())


def _play(core: Core, client: Client, waiting: Waiting, command: calls.Play) -> None:
    check_source(command.source)
    call = call_up(core, command.call)
    core.ask_leg(call, PlayStream(stream=call.leg.stream, source=command.source), waiting)


def _record(core: Core, client: Client, waiting: Waiting, command: calls.Record) -> None:
    call = call_up(core, command.call)
    call.record = command.path or call.record
    core.ask_leg(call, RecordStream(stream=call.leg.stream, path=command.path), waiting)


# ---------------------------------------------------------------------------------- the view


def _list_calls(core: Core, client: Client, waiting: Waiting, command: calls.ListCalls) -> None:
    core.reply(waiting, calls.Calls(calls=core.state.live_calls()))


def _list_workers(core: Core, client: Client, waiting: Waiting, command: calls.ListWorkers) -> None:
    core.reply(waiting, calls.Workers(workers=core.state.workers.infos(core.now)))


def _status(core: Core, client: Client, waiting: Waiting, command: calls.GetStatus) -> None:
    state = core.state
    status = calls.Status(
        version=state.version,
        pid=state.pid,
        started_at=state.started_at,
        listeners=tuple(item.name for item in state.listeners),
        calls=sum(not call.told for call in state.calls.values()),
        calls_total=state.calls_total,
        workers=state.workers.infos(core.now),
        clients=len(state.clients.known),
        counters=dict(state.counters),
    )
    core.reply(waiting, status)


# Those with a subject of their own are in ``verbs``.
VERBS: Verbs = {
    calls.Hello: _again,
    calls.Ping: _ping,
    calls.Subscribe: _subscribe,
    calls.Unsubscribe: _unsubscribe,
    calls.Dial: _dial,
    calls.Ring: _ring,
    calls.Answer: _answer,
    calls.Reject: _reject,
    calls.Redirect: _redirect,
    calls.HangUp: _hang_up,
    calls.Play: _play,
    calls.Record: _record,
    calls.ListCalls: _list_calls,
    calls.ListWorkers: _list_workers,
    calls.GetStatus: _status,
    **digits.VERBS,
    **holding.VERBS,
    **registering.VERBS,
    **tracing.VERBS,
}
