"""What applications ask for: one function a verb, found in ``VERBS`` (by ``client_frames``).

A function replies itself (now or, for what a worker has to do first, later) or raises a
``RefusedError``, which is the reply.
"""

from bus import calls
from bus.errors import (
    BadRequestError,
    WrongStateError,
)
from bus.ids import CallId
from bus.sources import AnySource
from bus.streams import PlayStream, RecordStream
from signaling.calls.acts import step
from signaling.calls.call import Call, Ringing, Waiting
from signaling.calls.describing import considered
from signaling.calls.ringing import is_reliable
from signaling.calls.states import Cue, State
from signaling.calls.verdicts import Happening
from signaling.checks import (
    call_named,
    call_up,
    check_codecs,
    check_headers,
    check_layout,
    check_source,
    check_srtp,
    check_text,
    check_uri,
)
from signaling.clients import Client, Subscription
from signaling.core import Core
from signaling.sdp.errors import NegotiationError, NotAcceptableError
from signaling.verbs import (
    dialling,
    digits,
    holding,
    lending,
    registering,
    routing,
    tracing,
    transferring,
    watching,
)
from signaling.verbs.verb import Verbs


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


# ---------------------------------------------------------------------------- incoming calls


def _ring(core: Core, client: Client, waiting: Waiting, command: calls.Ring) -> None:
    if not 101 <= command.status <= 199:
        raise BadRequestError(f"ring: status {command.status} is not from 101 to 199")
    check_text("reason", command.reason)
    check_headers(command.headers)
    if command.play is not None:
        _ring_with_media(core, waiting, command, command.play)
        return
    happening = Happening(status=command.status, reason=command.reason, headers=command.headers)
    _must(core, waiting, command.call, Cue.RING, happening)


def _ring_with_media(core: Core, waiting: Waiting, command: calls.Ring, source: AnySource) -> None:
    check_source(source)
    call = call_named(core, command.call)
    if call.out or call.state is not State.OFFERED:
        raise WrongStateError(f"call {call.id} is {call.info().state}: cannot ring it")
    if call.ringing is not None:
        raise WrongStateError(f"call {call.id}: its stream is being opened")
    if call.offered_in_2xx and not is_reliable(core, call, described=True):
        raise WrongStateError(f"call {call.id}: no offer, and no reliable response to put ours in")
    call.play = source
    call.ringing = Ringing(command.status, command.reason, command.headers, waiting)
    step(core, call, Cue.RING_WITH_MEDIA)


def _answer(core: Core, client: Client, waiting: Waiting, command: calls.Answer) -> None:
    check_source(command.play)
    check_headers(command.headers)
    call = call_named(core, command.call)
    if call.out or call.state is not State.OFFERED:
        raise WrongStateError(f"call {call.id} is {call.info().state}, it cannot be answered")
    if command.srtp or command.codecs:
        _insist_on(core, call, command.srtp or call.srtp, command.codecs)
    call.near = command.near
    call.play, call.record, call.answer_headers = command.play, command.record, command.headers
    call.answering = waiting
    step(core, call, Cue.ANSWER)


def _insist_on(core: Core, call: Call, policy: str, codecs: tuple[str, ...]) -> None:
    """Answer a call otherwise than the settings say.  Raises RefusedError if we cannot."""
    check_srtp(policy)
    check_codecs(codecs)
    before = call.srtp, call.codecs
    call.srtp, call.codecs = policy, codecs
    try:
        if call.described:
            raise NotAcceptableError("it was answered already, with early media")
        if call.invite is not None and call.invite.body:
            call.agreed = considered(core, call, call.invite.body)
    except NegotiationError as error:
        call.srtp, call.codecs = before
        raise WrongStateError(f"call {call.id}: {error}") from None


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
    call.play = command.source
    core.ask_leg(call, PlayStream(stream=call.leg.stream, source=command.source), waiting)


def _record(core: Core, client: Client, waiting: Waiting, command: calls.Record) -> None:
    call = call_up(core, command.call)
    call.record, call.record_stopped = command.path or call.record, not command.path
    check_layout(command.layout)
    record = RecordStream(stream=call.leg.stream, path=command.path, layout=command.layout)
    core.ask_leg(call, record, waiting)


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
        remembered=state.sizes(),
    )
    core.reply(waiting, status)


# Those with a subject of their own are in ``verbs``.
VERBS: Verbs = {
    calls.Hello: _again,
    calls.Ping: _ping,
    calls.Subscribe: _subscribe,
    calls.Unsubscribe: _unsubscribe,
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
    **dialling.VERBS,
    **lending.VERBS,
    **digits.VERBS,
    **holding.VERBS,
    **registering.VERBS,
    **routing.VERBS,
    **tracing.VERBS,
    **transferring.VERBS,
    **watching.VERBS,
}
