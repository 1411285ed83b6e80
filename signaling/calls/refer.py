"""REFER: who asks whom to call whom, and whether that can be done at all (RFC 3515 2.4).

Within the dialog of a call its owner decides; out of any dialog the first subscriber of the user
that is asked, or nobody does and it is declined.
"""

from bus.calls import OnOwnerLost
from bus.ids import CallId, PeerId
from bus.transfers import TransferAsked
from signaling.calls.call import Call
from signaling.calls.dialling import user_of
from signaling.calls.notifying import answer_refer
from signaling.calls.referral import Referral
from signaling.calls.states import State
from signaling.calls.transferee import ponder
from signaling.core import Core
from signaling.dialogs.dialog import dialog_key, uas_dialog
from signaling.dialogs.subscription import subscription_of
from signaling.sip.errors import RemoteError
from signaling.sip.flow import Flow
from signaling.sip.headers import parse_name_addr
from signaling.sip.message import Request, first
from signaling.sip.referring import ReferTo, parse_refer_to, refers_silently, the_only
from signaling.sip.uri import parse_uri
from signaling.sip.values import parameter, split_parameters


def refer_in_dialog(core: Core, call: Call, key: str, request: Request) -> None:
    """Take a REFER in the dialog of a call."""
    call.referrals += 1
    _take(core, call, key, request, None)


def _take(core: Core, call: Call, key: str, request: Request, flow: Flow | None) -> None:
    """Ask the owner of a call; a ``flow`` is that of a REFER in a dialog of its own."""
    status, reason = _objection(core, call)
    if status:
        answer_refer(core, key, request, status, reason)
        return
    referral = _referral(core, key, request, call, flow or call.flow, alone=flow is not None)
    if referral is not None:
        call.referral = referral.id
        core.tell(call, _asked(referral))


def refer_outside(core: Core, key: str, request: Request, flow: Flow) -> None:
    """Take a REFER that begins a dialog of its own.

    One with the Target-Dialog of a call is that call's (RFC 4538, RFC 5589 section 6.1), of any
    other the first subscriber of its user decides.
    """
    call = _target_dialog(core, request)
    wanted = core.state.clients.owner_for(user_of(request.uri))
    if core.state.transactions.is_merged(key):
        answer_refer(core, key, request, 482)
    elif first(request, "Contact") is None:
        answer_refer(core, key, request, 400, "Contact is missing")
    elif call is not None:
        _take(core, call, key, request, flow)
    elif wanted is None or core.state.draining:
        answer_refer(core, key, request, 603)
    else:
        client, subscription = wanted
        referral = _referral(core, key, request, None, flow, alone=True)
        if referral is not None:
            referral.owner = client.peer
            referral.on_owner_lost = subscription.on_owner_lost
            core.send_event(client, _asked(referral))
            core.publish("call", _asked(referral))


def _objection(core: Core, call: Call) -> tuple[int, str]:
    if call.state in (State.CLOSING, State.LEAVING):
        return 481, ""
    if call.state is not State.UP or call.referral or call.transfer is not None:
        return 491, ""
    if call.transfers >= core.state.settings.sip.max_transfers:
        return 403, "Too many transfers"
    if call.owner not in core.state.clients.known:
        return 480, ""
    return 0, ""


def _referral(
    core: Core, key: str, request: Request, call: Call | None, flow: Flow | None, *, alone: bool
) -> Referral | None:
    try:
        to = _refer_to(request)
        referred_by = the_only(request, "Referred-By") or ""
        dialog = uas_dialog(request, core.entropy.token(), confirmed=True) if alone else None
        domains = _domains(request, call)
    except RemoteError as error:
        answer_refer(core, key, request, error.status, error.reason)
        return None
    flow = flow or Flow("", "", 0)
    named = call is not None and not alone and call.referrals > 1
    referral = Referral(
        id=core.entropy.token(),
        call=call.id if call else CallId(""),
        owner=call.owner if call else PeerId(""),
        on_owner_lost=call.on_owner_lost if call else OnOwnerLost.HANG_UP,
        refer=request,
        key=key,
        to=to,
        referred_by=referred_by,
        silent=refers_silently(request),
        subscription=subscription_of(request, named=named),
        dialog=dialog,
        flow=flow,
        domains=domains,
    )
    ponder(core, referral)
    return referral


def _target_dialog(core: Core, request: Request) -> Call | None:
    """Return the call that a Target-Dialog names; tags are named as its sender sees them."""
    value = first(request, "Target-Dialog")
    if value is None:
        return None
    call_id, semicolon, rest = value.partition(";")
    parameters = split_parameters(f"{semicolon}{rest}")
    ours, theirs = (parameter(parameters, name) or "" for name in ("remote-tag", "local-tag"))
    key = dialog_key(call_id.strip(), ours, theirs)
    return core.state.calls.get(core.state.by_dialog.get(key, CallId("")))


def _refer_to(request: Request) -> ReferTo:
    value = the_only(request, "Refer-To")
    if value is None:
        raise RemoteError(400, "Refer-To is missing")
    to = parse_refer_to(value)
    if to.method != "INVITE":
        raise RemoteError(501, "Only INVITE can be asked for")
    return to


def _domains(request: Request, call: Call | None) -> tuple[str, ...]:
    asker = parse_name_addr(first(request, "From") or "").uri
    uris = (call.remote_uri, call.dialog.remote_target) if call and call.dialog else (asker,)
    return tuple(parse_uri(uri).host.lower() for uri in uris)


def _asked(referral: Referral) -> TransferAsked:
    flow = referral.flow
    return TransferAsked(
        transfer=referral.id,
        call=referral.call,
        uri=referral.to.uri,
        referred_by=referral.referred_by,
        replaces=bool(referral.to.replaces),
        headers=tuple(referral.refer.headers),
        source=f"{flow.transport}:{flow.host}:{flow.port}",
    )
