"""The user agent: a pure function of its inputs.

    agent = Agent(state)
    effects = agent.feed(input, now, entropy)       bytes, commands, worker frames, wakes
    agent.deadline()                                when to feed ``Woken``

``now`` is Unix time in seconds that never goes back; ``entropy`` is 32 bytes drawn for this input.
The state can be encoded, dropped and decoded between any two inputs.
"""

from collections.abc import Callable
from heapq import heappop
from math import inf
from typing import assert_never

from bus.calls import Snapshot
from bus.errors import TooLateError
from bus.ids import CallId
from bus.streams import CloseStream
from signaling import client_frames, conferring, registering, registrar, worker_frames
from signaling.calls import (
    digits,
    offering,
    prack,
    refreshing,
    replaces,
    ringing,
    session,
    silence,
    transferee,
    transferor,
)
from signaling.calls.acts import step, step_or_settle
from signaling.calls.call import Call
from signaling.calls.dialling import may_follow, ready, take_ways
from signaling.calls.requests import located
from signaling.calls.states import Cue, State
from signaling.calls.verdicts import Happening
from signaling.core import Core
from signaling.effects import (
    ClientOverflowed,
    DrainAsked,
    Effect,
    Exit,
    FromClient,
    FromWorker,
    Input,
    Malformed,
    Received,
    Resolved,
    Send,
    TransportFailed,
    Woken,
    WorkerDied,
)
from signaling.entropy import Entropy
from signaling.forwarding import forwarded, returned
from signaling.locating import hear
from signaling.sending import look_up, start, start_outside, ways
from signaling.sip.errors import ParseError, SipError
from signaling.sip.flow import Flow
from signaling.sip.headers import stamp_via
from signaling.sip.message import Response
from signaling.sip.parse import parse_message, salvage
from signaling.sip.render import render, respond
from signaling.state import AgentState, Unresolved
from signaling.timers import compact
from signaling.transactions.layer import (
    AckMissing,
    AckReceived,
    CancelReceived,
    ClientFailed,
    NewRequest,
    Out,
    ResponseReceived,
    StrayResponse,
    Transmit,
    response_flow,
)
from signaling.uac import OUTSIDE, request_failed, take_response
from signaling.uas import take_ack, take_cancel, take_request

CLIENT_CHECK = 0.5
"""Seconds between looks for clients that fell silent."""

LAST_WORDS = 2.0
"""Seconds that peers have to answer the BYEs of a drain."""


class Agent:
    """Walks one input through the state; holds nothing but the state."""

    def __init__(self, state: AgentState) -> None:
        self.state = state

    def feed(self, given: Input, now: float, entropy: bytes) -> list[Effect]:
        """Work one input and return what is to be done, in order."""
        core = Core(self.state, now, Entropy(entropy))
        _take(core, given)
        _work_off(core)
        compact(core.state, ELSEWHERE)
        _drained(core)
        return core.effects

    def deadline(self) -> float | None:
        """Return when ``Woken`` is to be fed, None if nothing is being waited for."""
        state, at = self.state, self.state.transactions.deadline() or inf
        if state.timers:
            at = min(at, state.timers[0][0])
        if state.clients.known:
            at = min(at, state.next_client_check)
        if state.draining and not state.exiting:
            at = min(at, state.drain_deadline)
        return None if at == inf else at


def _work_off(core: Core) -> None:
    """Act on what transactions reported and on what became of calls, until nothing is left."""
    while core.outs or core.news:
        if core.outs:
            _report(core, core.outs.popleft())
        else:
            news = core.news.popleft()
            transferee.follow(core, news)
            transferor.follow(core, news)
            conferring.follow(core, news)
            replaces.follow(core, news)


def _take(core: Core, given: Input) -> None:
    match given:
        case Received():
            _received(core, given.flow, given.datagram)
        case Malformed():
            core.count("malformed")
            _answer_malformed(core, given)
        case TransportFailed():
            level = "debug" if given.flow.connection else "info"
            core.log(level, f"{given.flow.listener} to {given.flow.host}: {given.reason}")
            core.take(core.state.transactions.transport_failed(given.flow, core.now, given.reason))
            registering.connection_lost(core, given.flow)
        case Resolved():
            _resolved(core, given)
        case FromClient():
            client_frames.take_frame(core, given.identity, given.frame)
        case ClientOverflowed():
            _overflowed(core, given.identity)
        case FromWorker():
            worker_frames.take_frame(core, given.identity, given.frame)
        case WorkerDied():
            seat = core.state.workers.of_pid(given.pid)
            if seat is not None:
                worker_frames.lose(core, seat)
        case Woken():
            _woken(core)
        case DrainAsked():
            core.state.draining = given.reason
            core.state.drain_deadline = core.now + given.seconds
        case _:
            assert_never(given)


# ---------------------------------------------------------------------------------- the wire


def _received(core: Core, flow: Flow, datagram: bytes) -> None:
    try:
        message = parse_message(datagram)
    except ParseError as error:
        core.count("malformed")
        if error.partial is not None:
            _refuse_statelessly(core, flow, error)
        return
    if isinstance(message, Response):
        if returned(core, message):
            return
        core.take(core.state.transactions.receive_response(message, core.now))
        return
    request = stamp_via(message, flow.host, flow.port)
    if forwarded(core, request, flow):
        return
    core.take(core.state.transactions.receive_request(request, flow, core.now))


def _refuse_statelessly(core: Core, flow: Flow, error: ParseError) -> None:
    if error.partial is None or error.partial.method == "ACK":
        return
    request = stamp_via(error.partial, flow.host, flow.port)
    extra = [("Server", core.state.settings.sip.user_agent)]
    response = respond(
        request, error.status, error.reason, to_tag=core.entropy.token(), headers=extra
    )
    try:
        way = response_flow(request, flow)
    except SipError:
        way = flow  # the Via is what is malformed
    core.effects.append(Send(way, render(response)))


def _answer_malformed(core: Core, given: Malformed) -> None:
    partial = salvage(given.head)
    if partial is not None:
        refusal = ParseError(given.status, given.reason, partial)
        _refuse_statelessly(core, given.flow, refusal)


def _report(core: Core, out: Out) -> None:
    match out:
        case NewRequest():
            take_request(core, out.key, out.request, out.flow)
        case AckReceived():
            take_ack(core, out.request)
        case CancelReceived():
            take_cancel(core, out.key, out.invite_key, out.request)
        case ResponseReceived():
            take_response(core, out.key, out.response)
        case ClientFailed():
            request_failed(core, out.key, out.why, out.reason)
        case AckMissing():
            _ack_missing(core, out.key)
        case StrayResponse():
            core.count("stray_responses")
        case Transmit():
            core.take([out])
        case _:
            assert_never(out)


def _ack_missing(core: Core, key: str) -> None:
    found = core.state.by_transaction.get(key)
    call = core.state.calls.get(found) if found is not None else None
    if call is not None and call.invite_key == key:
        call.invite_key = ""
        step(core, call, Cue.ACK_MISSING)
    elif call is not None and call.reinvite_key == key:
        call.reinvite_key = ""
        step_or_settle(core, call, Cue.ACK_MISSING)


def _resolved(core: Core, given: Resolved) -> None:
    waiting = core.state.unresolved.pop(given.token, None)
    if waiting is None:
        return
    hear(waiting.search, given.answers, core.entropy.fraction)
    if waiting.search.questions:
        look_up(core, waiting, given.token)
        return
    call = core.state.calls.get(waiting.call)
    last = call.flow if call is not None and waiting.request is not None else None
    flows = ways(core, waiting.search, last)
    if not flows:
        _not_resolved(core, given.token, waiting, call, waiting.search.reason)
    elif waiting.outside is not None:
        start_outside(core, waiting.outside, flows)
    elif call is None:
        return
    elif waiting.request is not None:
        located(call, given.token, start(core, call, waiting.request, flows[0]))
    elif call.state is State.PLACING:
        take_ways(core, call, flows)
        if (then := ready(core, call)) is not None:
            step(core, call, then, Happening(reason="no media worker is free"))


def _not_resolved(
    core: Core, token: str, waiting: Unresolved, call: Call | None, reason: str
) -> None:
    """Send a request in a dialog to where its peer was last heard; without one, end the call."""
    if waiting.outside is not None:
        happening = Happening(status=503, reason=reason)
        OUTSIDE[waiting.outside.purpose](core, waiting.outside, happening)
    elif call is None:
        return
    elif waiting.request is None:
        cue = Cue.REDIRECTED if call.out and may_follow(call.out) else Cue.UNRESOLVED
        step(core, call, cue, Happening(reason=reason))
    elif call.flow is not None:
        located(call, token, start(core, call, waiting.request, call.flow))


# ----------------------------------------------------------------------------------- clients


def _overflowed(core: Core, identity: str) -> None:
    client = core.state.clients.of_identity(identity)
    if client is None:
        return
    core.count("client_overflows")
    core.send_event(client, Snapshot(calls=core.state.live_calls(client.peer)))


def _check_clients(core: Core) -> None:
    core.state.next_client_check = core.now + CLIENT_CHECK
    silent_since = core.now - core.state.settings.bus.client_timeout
    for client in core.state.clients.lost(silent_since):
        core.log("info", f"client {client.peer} is lost")
        for call in list(core.state.calls.values()):
            if call.owner == client.peer and call.on_owner_lost == "hang_up":
                step(core, call, Cue.OWNER_LOST)
        conferring.owner_lost(core, client.peer)
        for registration in list(core.state.registrations.values()):
            if registration.owner == client.peer:
                registering.end(core, registration)


# ------------------------------------------------------------------------------------ timers


def _woken(core: Core) -> None:
    state = core.state
    core.take(state.transactions.wake(core.now))
    while state.timers and state.timers[0][0] <= core.now:
        at, key, name = heappop(state.timers)
        if name in ELSEWHERE:
            ELSEWHERE[name](core, key, at)
        else:
            _timer(core, CallId(key), name, at)
    if state.clients.known and state.next_client_check <= core.now:
        _check_clients(core)


def _timer(core: Core, call_id: CallId, name: str, at: float) -> None:
    call = core.state.calls.get(call_id)
    if call is None or call.timers.get(name) != at:
        return
    del call.timers[name]
    OF_CALL[name](core, call)


def _unanswered(core: Core, key: str, at: float) -> None:
    asked = core.state.asked.pop(key, None)
    if asked is None:
        return
    reason = f"worker {asked.worker} did not answer {asked.verb} in time"
    core.log("warning", reason)
    core.reply(asked.waiting, TooLateError(reason))
    call = core.state.calls.get(asked.call)
    if call is None:
        conferring.refused(core, asked, TooLateError(reason))
        return
    seat = core.state.workers.seats.get(asked.worker)
    if asked.verb == "open_stream" and seat is not None:
        # It may have opened the stream all the same.
        core.ask(seat, call.id, CloseStream(stream=call.leg.stream))
    worker_frames.failed(core, call, asked, reason)


def _ring_timeout(core: Core, call: Call) -> None:
    step(core, call, Cue.RING_TIMEOUT)


def _silent(core: Core, call: Call) -> None:
    seconds = core.state.settings.media.rtp_timeout_hangup
    step(core, call, Cue.SILENT, Happening(reason=f"no RTP for {seconds:g} s"))


OF_CALL: dict[str, Callable[[Core, Call], None]] = {
    digits.TIMER: digits.go_on,
    ringing.TIMER: prack.due,
    "ring": _ring_timeout,
    transferor.TIMER: transferor.time_out,
    transferor.PARTING_TIMER: transferor.part,
    offering.TIMER: offering.due,
    session.EXPIRY: refreshing.expire,
    session.REFRESH: refreshing.refresh,
    silence.TELL: silence.tell,
    silence.END: _silent,
}
"""What a timer of a call does (``core.set_timer``); it is not in ``call.timers`` any more."""

ELSEWHERE: dict[str, Callable[[Core, str, float], None]] = {
    "asked": _unanswered,
    registering.TIMER: registering.take_timer,
    registrar.TIMER: registrar.take_timer,
    transferee.TIMER: transferee.take_timer,
}
"""What a timer that is no call's does, given its key and its instant, true or not."""


# ------------------------------------------------------------------------------------- drain


def _drained(core: Core) -> None:
    state = core.state
    if not state.draining or state.exiting:
        return
    if core.now >= state.drain_deadline and state.hung_up:
        state.calls.clear()  # peers that do not even answer a BYE are not waited for
    elif core.now >= state.drain_deadline:
        state.hung_up, state.drain_deadline = True, core.now + LAST_WORDS
        for call in list(state.calls.values()):
            step(core, call, Cue.HANG_UP, Happening(reason=state.draining))
        for registration in list(state.registrations.values()):
            registering.end(core, registration)
        _work_off(core)
    if not state.calls:
        state.exiting = True
        core.effects.append(Exit())
