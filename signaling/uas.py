"""Requests from the network (RFC 3261 section 8.2 and 12.2.2): whose they are and what they get.

Order of the checks: the method (405, 501), the header fields (416, 420, 415, 406, 400), a merged
request (482), then the dialog (481, 500) or, for a new INVITE, whether its description is usable
(488), whether we can take a call at all (503) and whether anybody wants it (480).
"""

from collections.abc import Callable

from bus.calls import IncomingCall, OnOwnerLost
from bus.ids import CallId, PeerId
from signaling.calls.acts import RETRY_AFTER, dialog_key_of, step, step_or_settle
from signaling.calls.call import Call, Leg
from signaling.calls.describing import usable_codecs
from signaling.calls.dialling import to_tag, user_of
from signaling.calls.digits import info_received
from signaling.calls.forks import return_to
from signaling.calls.leg import aim_leg
from signaling.calls.notified import notified
from signaling.calls.prack import prack_received
from signaling.calls.refer import refer_in_dialog, refer_outside
from signaling.calls.reinvite import acknowledged, reinvited
from signaling.calls.replaces import replaced_by, take_over
from signaling.calls.responses import answer
from signaling.calls.session import refuse_brief
from signaling.calls.states import Cue, State
from signaling.calls.update import updated
from signaling.core import Core
from signaling.dialogs.dialog import check_in_dialog, dialog_key, uas_dialog, update_target
from signaling.guarding import guard
from signaling.registrar import register
from signaling.sdp.crypto import Keying
from signaling.sdp.errors import NegotiationError
from signaling.sdp.offer_answer import Agreed, Negotiation, accept_answer, consider_offer
from signaling.sending import ACCEPT, ALLOW, extensions, listener_named, supported
from signaling.sip.dtmf import BODIES
from signaling.sip.errors import RemoteError, SipError
from signaling.sip.flow import SECURE, Flow
from signaling.sip.headers import NameAddr, parse_cseq, parse_name_addr
from signaling.sip.message import Header, Request, every, first
from signaling.sip.multipart import unwrap
from signaling.sip.referring import SIPFRAG
from signaling.sip.render import respond
from signaling.sip.uri import scheme_of
from signaling.sip.validate import refuse
from signaling.state import Listener
from signaling.transactions.matching import tag_of

METHODS = frozenset(ALLOW.split(", "))
SCHEMES = frozenset({"sip"})
SCHEMES_OVER_TLS = frozenset({"sip", "sips"})
"""A sips URI that came without TLS was not treated as one (RFC 5630): 416."""
BODY_TYPES = {"INFO": BODIES, "NOTIFY": frozenset({SIPFRAG})}
"""What a method may carry; the others carry SDP."""
SDP_ONLY = frozenset({"application/sdp"})


def take_request(core: Core, key: str, request: Request, flow: Flow) -> None:
    """Answer a new request, or hand it to its call."""
    whole, request = request, unwrap(request)
    refusal = refuse(
        request,
        methods=METHODS | {"REGISTER"} if core.state.settings.registrar.enabled else METHODS,
        schemes=SCHEMES_OVER_TLS if flow.transport in SECURE else SCHEMES,
        extensions=extensions(core),
        body_types=BODY_TYPES.get(request.method, SDP_ONLY),
    )
    if refusal is not None:
        headers = list(refusal.headers)
        if refusal.status == 405:
            headers.append(("Allow", ALLOW))
        reply(core, key, request, refusal.status, refusal.reason, headers)
    elif to_tag(request):
        _in_dialog(core, key, request, flow)
    elif challenge := guard(core, whole, flow):
        reply(core, key, request, challenge.status, challenge.reason, list(challenge.headers))
    elif request.method in OUT_OF_DIALOG:
        OUT_OF_DIALOG[request.method](core, key, request, flow)
    else:
        reply(core, key, request, 481)


def reply(
    core: Core,
    key: str,
    request: Request,
    status: int,
    reason: str = "",
    headers: list[Header] | None = None,
) -> None:
    """Answer a request that belongs to no call."""
    extra: list[Header] = [("Server", core.state.settings.sip.user_agent), *(headers or [])]
    if status == 503:
        extra.append(("Retry-After", RETRY_AFTER))
    response = respond(request, status, reason, to_tag=core.entropy.token(), headers=extra)
    core.take(core.state.transactions.respond(key, response, core.now))


# ------------------------------------------------------------------------------ in a dialog


def call_of_dialog(core: Core, request: Request) -> Call | None:
    """Find the call whose dialog a request belongs to (RFC 3261 12.2.2)."""
    call_id, remote_tag = first(request, "Call-ID") or "", tag_of(request, "From")
    found = core.state.by_dialog.get(dialog_key(call_id, to_tag(request), remote_tag))
    call = core.state.calls.get(found) if found is not None else None
    if call is not None and call.forks:
        return_to(call, remote_tag)
    return call


def _in_dialog(core: Core, key: str, request: Request, flow: Flow) -> None:
    call = call_of_dialog(core, request)
    if call is None or call.dialog is None:
        reply(core, key, request, 481)
        return
    refusal = check_in_dialog(call.dialog, request)
    if refusal is not None:
        reply(core, key, request, refusal.status, refusal.reason, list(refusal.headers))
        return
    call.flow = flow
    taker = IN_DIALOG.get(request.method)
    if taker is None:
        reply(core, key, request, 481)
    else:
        taker(core, call, key, request)


def _reinvite(core: Core, call: Call, key: str, request: Request) -> None:
    if call.dialog is None or call.state in (State.CLOSING, State.LEAVING):
        reply(core, key, request, 481)
    elif first(request, "Replaces") is not None:
        reply(core, key, request, 400, "Replaces within a dialog")
    elif reinvited(core, call, key, request):
        update_target(call.dialog, request)
        call.reinvite_cseq = _cseq(request)


def _options(core: Core, call: Call, key: str, request: Request) -> None:
    reply(core, key, request, 200, "", _capabilities(core))


def _cseq(request: Request) -> int:
    return parse_cseq(first(request, "CSeq") or "").number


def _bye(core: Core, call: Call, key: str, request: Request) -> None:
    answer(core, call, 200, "", key=key, request=request)
    if call.state in (State.ACCEPTED, State.LEAVING):
        core.state.transactions.stop_2xx(call.invite_key)
        call.invite_key = ""
    if call.reinvite_key:
        core.state.transactions.stop_2xx(call.reinvite_key)
        call.reinvite_key = ""
    step_or_settle(core, call, Cue.BYE)


Taker = Callable[[Core, Call, str, Request], None]

IN_DIALOG: dict[str, Taker] = {
    "UPDATE": updated,
    "BYE": _bye,
    "INFO": info_received,
    "INVITE": _reinvite,
    "OPTIONS": _options,
    "PRACK": prack_received,
    "NOTIFY": notified,
    "REFER": refer_in_dialog,
}
"""Who takes a request within the dialog of a call; the text is the key of its transaction."""


def take_ack(core: Core, request: Request) -> None:
    """Hand the ACK of a 2xx to its call."""
    request = unwrap(request)
    call = call_of_dialog(core, request)
    if call is None:
        return
    if call.reinvite_key and _cseq(request) == call.reinvite_cseq:
        core.state.transactions.stop_2xx(call.reinvite_key)
        acknowledged(core, call, request)
    elif call.invite_key and call.state in (State.ACCEPTED, State.LEAVING):
        core.state.transactions.stop_2xx(call.invite_key)
        call.invite_key = ""
        step(core, call, _settle_offer(core, call, request))


def _settle_offer(core: Core, call: Call, ack: Request) -> Cue:
    """Take the answer in the ACK of an INVITE without offer; ACK or ACK_UNUSABLE."""
    if not call.offered_in_2xx:
        return Cue.ACK
    call.offered_in_2xx = False
    try:
        call.agreed = accept_answer(call.negotiation, ack.body)
    except NegotiationError as error:
        core.log("warning", f"{call.id}: no usable answer in the ACK: {error}")
        return Cue.ACK_UNUSABLE
    aim_leg(core, call)
    return Cue.ACK


def take_cancel(core: Core, key: str, invite_key: str, request: Request) -> None:
    """Answer a CANCEL and end the INVITE it matches, if that is still unanswered (9.2)."""
    reply(core, key, request, 200)
    found = core.state.by_transaction.get(invite_key)
    call = core.state.calls.get(found) if found is not None else None
    if call is not None:
        step(core, call, Cue.CANCEL)


# --------------------------------------------------------------------------- a new INVITE


def _invite(core: Core, key: str, request: Request, flow: Flow) -> None:
    if core.state.transactions.is_merged(key):
        reply(core, key, request, 482)
        return
    if brief := refuse_brief(core, request):
        reply(core, key, request, 422, "", brief)
        return
    listener, negotiation = listener_named(core, flow.listener), Negotiation()
    try:
        agreed = _try(core, request, listener, negotiation)
    except NegotiationError as error:
        reply(
            core, key, request, error.status, "", [("Warning", f'399 offhook "{_quoted(error)}"')]
        )
        return
    try:
        old = replaced_by(core, request)
    except RemoteError as error:
        reply(core, key, request, error.status, error.reason)
        return
    if _status(core) != 200:
        reply(core, key, request, 503)
        return
    owner = _owner(core, request, old)
    if owner is None:
        reply(core, key, request, 480)
        return
    call = _new_call(core, key, request, flow, listener, *owner)
    call.agreed, call.offered_in_2xx = agreed, not request.body
    call.negotiation = negotiation
    answer(core, call, 100, "")
    if old is not None:
        take_over(core, call, old)
        return
    core.set_timer(call, "ring", core.state.settings.sip.ring_timeout)
    core.tell(call, _offer(call, request, flow))


def _owner(core: Core, request: Request, old: Call | None) -> tuple[PeerId, OnOwnerLost] | None:
    """Say whose a new call is: the owner's of the one it replaces, else the first who wants it."""
    if old is not None:
        return old.owner, old.on_owner_lost
    wanted = core.state.clients.owner_for(user_of(request.uri))
    return (wanted[0].peer, wanted[1].on_owner_lost) if wanted else None


def _try(
    core: Core, request: Request, listener: Listener, negotiation: Negotiation
) -> Agreed | None:
    """See whether we could answer the offer; what we will really say is said with the answer."""
    if not request.body:
        return None
    return consider_offer(
        negotiation,
        request.body,
        address=listener.host,
        codecs=usable_codecs(core, ()),
        keying=Keying(core.state.settings.media.srtp, core.entropy.octets),
        rtcp_mux=core.state.settings.media.rtcp_mux,
        noise=core.state.settings.media.dtx,
    )


def _new_call(
    core: Core,
    key: str,
    request: Request,
    flow: Flow,
    listener: Listener,
    owner: PeerId,
    on_owner_lost: OnOwnerLost,
) -> Call:
    core.state.calls_total += 1
    local_tag = core.entropy.token()
    caller, called = _name(request, "From"), _name(request, "To")
    call = Call(
        id=CallId(f"{core.state.incarnation[:6]}-{core.state.calls_total}"),
        state=State.OFFERED,
        owner=owner,
        on_owner_lost=on_owner_lost,
        local_uri=called.uri,
        remote_uri=caller.uri,
        sip_call_id=first(request, "Call-ID") or "",
        local=f"<{called.uri}>",
        local_tag=local_tag,
        listener=listener.name,
        started_at=core.now,
        secure=scheme_of(request.uri) == "sips",
        leg=Leg(address=listener.bind),
        negotiation=Negotiation(),
        dialog=uas_dialog(request, local_tag),
        invite=request,
        allowed=every(request, "Allow"),
        invite_key=key,
        flow=flow,
        transactions=[key],
    )
    core.state.calls[call.id] = call
    core.state.by_transaction[key] = call.id
    core.state.by_dialog[dialog_key_of(call)] = call.id
    return call


def _offer(call: Call, request: Request, flow: Flow) -> IncomingCall:
    return IncomingCall(
        call=call.id,
        from_uri=call.remote_uri,
        from_display=_name(request, "From").display,
        to_uri=call.local_uri,
        request_uri=request.uri,
        headers=tuple(request.headers),
        source=f"{flow.transport}:{flow.host}:{flow.port}",
    )


def _name(request: Request, header: str) -> NameAddr:
    try:
        return parse_name_addr(first(request, header) or "")
    except SipError:
        return NameAddr(display="", uri="", parameters=())


def _asked_options(core: Core, key: str, request: Request, flow: Flow) -> None:
    reply(core, key, request, _status(core), "", _capabilities(core))


def _register(core: Core, key: str, request: Request, flow: Flow) -> None:
    answer_ = register(core, request, flow)
    reply(core, key, request, answer_.status, answer_.reason, list(answer_.headers))


OutOfDialogTaker = Callable[[Core, str, Request, Flow], None]

OUT_OF_DIALOG: dict[str, OutOfDialogTaker] = {
    "INVITE": _invite,
    "OPTIONS": _asked_options,
    "REFER": refer_outside,
    "REGISTER": _register,
}
"""Who takes a request that has no To tag; the others are answered 481."""


def _status(core: Core) -> int:
    if core.state.draining or core.state.workers.choose(core.now) is None:
        return 503
    return 200


def _capabilities(core: Core) -> list[Header]:
    return [("Allow", ALLOW), ("Accept", ACCEPT), ("Supported", supported(core))]


def _quoted(error: Exception) -> str:
    return str(error).replace("\\", " ").replace('"', "'")[:120]
