"""Placing a call."""

from bus.calls import Dial, Dialled
from bus.errors import BadRequestError, NoCapacityError
from bus.ids import CallId
from signaling.calls.acts import step
from signaling.calls.call import Call, Leg, Outgoing, Waiting
from signaling.calls.describing import usable_codecs
from signaling.calls.dialling import SCHEMES, aim_at_target, ready
from signaling.calls.states import Cue, State
from signaling.calls.verdicts import Happening
from signaling.checks import (
    check_codecs,
    check_headers,
    check_source,
    check_srtp,
    check_text,
    check_uri,
)
from signaling.clients import Client
from signaling.core import Core
from signaling.sdp.offer_answer import Negotiation
from signaling.sending import contact, listener_for, locate, route_to
from signaling.sip.errors import SipError
from signaling.sip.headers import NameAddr, render_name_addr
from signaling.sip.uri import parse_uri
from signaling.verbs.verb import Verbs

LONGEST_RING = 86400.0
"""Seconds."""

RELIABLE = ("off", "supported", "required")


def _dial(core: Core, client: Client, waiting: Waiting, command: Dial) -> None:
    call = place(core, client, command)
    core.reply(waiting, Dialled(call=call.id))
    begin(core, call)


def place(core: Core, client: Client, command: Dial) -> Call:
    """Make a call of a command, to be begun.  Raises BadRequestError, NoCapacityError."""
    if core.state.draining:
        raise NoCapacityError(f"no new calls: {core.state.draining}")
    call = _new_call(core, client, command)
    if core.state.workers.choose(core.now) is None:
        raise NoCapacityError("no media worker is free")
    if not usable_codecs(core, call.codecs):
        raise BadRequestError("codecs: no media worker has the library for any of these")
    core.state.calls[call.id] = call
    return call


def begin(core: Core, call: Call) -> None:
    """Find the way of a call that was placed, and send its INVITE."""
    if call.out is None:
        return
    reason = aim_at_target(core, call, call.out)
    if reason:
        step(core, call, Cue.UNRESOLVED, Happening(reason=reason))
    elif (then := ready(core, call)) is not None:
        step(core, call, then, Happening(reason="no media worker is free"))


def _new_call(core: Core, client: Client, command: Dial) -> Call:
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
            any_domain=command.redirect_any_domain,
            route=(route_to(proxy),) if proxy else (),
            reliable=command.reliable,
            headers=command.headers,
            ring_timeout=command.ring_timeout,
            user=command.user,
            password=command.password,
        ),
        leg=Leg(address=listener.bind),
        negotiation=Negotiation(),
        srtp=command.srtp,
        codecs=command.codecs,
        near=command.near,
    )


def _check_dial(command: Dial) -> None:
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
    check_codecs(command.codecs)
    if not 0 < command.ring_timeout <= LONGEST_RING:  # NaN is neither
        raise BadRequestError(f"ring_timeout: {command.ring_timeout} is not above 0, to a day")
    if command.reliable not in RELIABLE:
        raise BadRequestError(f"reliable: {command.reliable!r} is none of {', '.join(RELIABLE)}")
    check_srtp(command.srtp)
    check_source(command.play)
    check_headers(command.headers)
    check_text("from_display", command.from_display)
    check_text("user", command.user)


VERBS: Verbs = {Dial: _dial}
