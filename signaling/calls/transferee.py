"""Transfers that somebody asks us for: REFER in, NOTIFYs out (RFC 3515, RFC 5589 section 6).

The owner decides.  A REFER that is accepted is answered 202, the new call is placed, and what
becomes of it is notified; the old call ends only if the new one is up.  The subscription outlives
the old call's BYE, so that call is remembered until the last NOTIFY is answered.
"""

from collections.abc import Callable, Sequence
from heapq import heappush
from typing import Final

from bus.calls import Answered, Ended, OnOwnerLost, Outcome, Progress
from bus.ids import CallId, PeerId
from bus.transfers import TransferAsked
from signaling.calls import states
from signaling.calls.acts import settle, step
from signaling.calls.call import Call, Purpose, Sent
from signaling.calls.dialling import user_of
from signaling.calls.requests import send
from signaling.calls.transfer import TRANSFEREE, Deed, Notice, Referral, Turn, Word
from signaling.calls.verdicts import Happening
from signaling.core import Core
from signaling.dialogs.dialog import dialog_key, next_request, uas_dialog
from signaling.dialogs.subscription import NOTIFIER, Cue, Phase, notify_headers, subscription_of
from signaling.dialogs.subscription import step as subscription_step
from signaling.sending import branch, contact, listener_named, start_outside, via
from signaling.sip.errors import RemoteError
from signaling.sip.flow import Flow
from signaling.sip.headers import parse_name_addr
from signaling.sip.message import Header, Request, first
from signaling.sip.referring import (
    SIPFRAG,
    ReferTo,
    parse_refer_to,
    refers_silently,
    render_sipfrag,
    the_only,
)
from signaling.sip.render import reason_phrase, respond
from signaling.sip.uri import parse_uri
from signaling.sip.values import parameter, split_parameters
from signaling.state import Outside

PURPOSE: Final = "notify"
TIMER: Final = "referral"

DECISION, PARTING = 20.0, 4.0
"""Seconds that the owner has to decide, and whoever asked to hang up in the end."""
EXPIRES: Final = 60
"""Seconds that a subscription lasts beyond the ringing of the new call."""

STATUS_OF: Final = {
    Outcome.UNREACHABLE: 503,
    Outcome.NO_ANSWER: 408,
    Outcome.CANCELLED: 487,
    Outcome.MEDIA_NOT_ACCEPTABLE: 488,
}
"""What a new call that had no final response is notified as; any other way it is 500."""

NOTHING: Final = Notice(0, "")


# ----------------------------------------------------------------------------- REFER comes


def refer_in_dialog(core: Core, call: Call, key: str, request: Request) -> None:
    """Take a REFER in the dialog of a call."""
    call.referrals += 1
    _take(core, call, key, request, None)


def _take(core: Core, call: Call, key: str, request: Request, flow: Flow | None) -> None:
    """Ask the owner of a call; a ``flow`` is that of a REFER in a dialog of its own."""
    status, reason = _objection(core, call)
    if status:
        _answer(core, key, request, status, reason)
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
    if core.state.transactions.is_merged(request):
        _answer(core, key, request, 482)
    elif first(request, "Contact") is None:
        _answer(core, key, request, 400, "Contact is missing")
    elif call is not None:
        _take(core, call, key, request, flow)
    elif wanted is None or core.state.draining:
        _answer(core, key, request, 603)
    else:
        client, subscription = wanted
        referral = _referral(core, key, request, None, flow, alone=True)
        if referral is not None:
            referral.owner = client.peer
            referral.on_owner_lost = subscription.on_owner_lost
            core.send_event(client, _asked(referral))
            core.publish("call", _asked(referral))


def _objection(core: Core, call: Call) -> tuple[int, str]:
    if call.state in (states.State.CLOSING, states.State.LEAVING):
        return 481, ""
    if call.state is not states.State.UP or call.referral or call.transfer is not None:
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
        _answer(core, key, request, error.status, error.reason)
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
        listener=flow.listener if alone or call is None else call.listener,
        domains=domains,
    )
    core.state.referrals[referral.id] = referral
    _wait(core, referral, DECISION)
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


# ------------------------------------------------------------------------- what may happen


def accept(core: Core, referral: Referral, new_call: Call) -> None:
    """Grant a REFER: the new call is being placed."""
    referral.new_call = new_call.id
    ring = new_call.out.ring_timeout if new_call.out else 0.0
    referral.subscription.expires_at = core.now + ring + EXPIRES
    _step(core, referral, Word.ACCEPT, Notice(100, reason_phrase(100)))


def decline(core: Core, referral: Referral, status: int, reason: str) -> None:
    """Refuse a REFER."""
    _step(core, referral, Word.DECLINE, Notice(status, reason))


def follow(core: Core, event: Progress | Answered | Ended) -> None:
    """Note what became of a call: the new one of a referral, or the old one."""
    for referral in list(core.state.referrals.values()):
        if event.call == referral.new_call:
            word, notice = _news(event)
            _step(core, referral, word, notice)
        elif event.call == referral.call and isinstance(event, Ended):
            _step(core, referral, Word.GONE, Notice(481, ""))


def take_timer(core: Core, key: str, at: float) -> None:
    """Wait no longer: for the decision, or for the BYE."""
    referral = core.state.referrals.get(key)
    if referral is not None and referral.deadline == at:
        word = Word.SILENCE if referral.turn is Turn.ASKED else Word.PARTED
        _step(core, referral, word, Notice(480, ""))


def notified(core: Core, call: Call, sent: Sent, key: str, happening: Happening) -> None:
    """Take the final response to a NOTIFY in a call's dialog."""
    _notified(core, sent.note, happening.status)


def notified_outside(core: Core, outside: Outside, happening: Happening) -> None:
    """Take the final response to a NOTIFY out of any call."""
    _notified(core, outside.owner, happening.status)


def _news(event: Progress | Answered | Ended) -> tuple[Word, Notice]:
    match event:
        case Progress():
            return Word.PROGRESS, Notice(event.status, event.reason)
        case Answered():
            return Word.ANSWERED, Notice(200, reason_phrase(200), last=True)
        case Ended():
            status = event.status or STATUS_OF.get(event.outcome, 500)
            reason = event.reason if event.status else ""
            return Word.FAILED, Notice(status, reason or reason_phrase(status), last=True)


def _notified(core: Core, name: str, status: int) -> None:
    referral = core.state.referrals.get(name)
    if referral is None:
        return
    referral.notifying = False
    if 400 <= status < 500:  # RFC 6665 4.2.2
        subscription_step(NOTIFIER, referral.subscription, Cue.UNKNOWN)
    notice, referral.next_notice = referral.next_notice, None
    if notice is not None:
        _notify(core, referral, notice)
    else:
        _step(core, referral, Word.TOLD)


# -------------------------------------------------------------------------------- the deeds


def _step(core: Core, referral: Referral, word: Word, notice: Notice = NOTHING) -> None:
    cell = TRANSFEREE[referral.turn].get(word)
    if cell is None:
        return
    referral.turn, deeds = cell
    for deed in deeds:
        DO[deed](core, referral, notice)
    if referral.turn is Turn.OVER and core.state.referrals.pop(referral.id, None) is not None:
        call = core.state.calls.get(referral.call)
        if call is not None:
            call.referral = ""
            settle(core, call)


def _grant(core: Core, referral: Referral, notice: Notice) -> None:
    referral.deadline = 0.0
    headers: list[Header] = [("Contact", contact(listener_named(core, referral.listener)))]
    if referral.silent:
        headers.append(("Refer-Sub", "false"))
    _answer_refer(core, referral, 202, "", headers)
    cue = Cue.SILENCED if referral.silent else Cue.GRANTED
    subscription_step(NOTIFIER, referral.subscription, cue)


def _refuse(core: Core, referral: Referral, notice: Notice) -> None:
    _answer_refer(core, referral, notice.status, notice.reason)


def _notify(core: Core, referral: Referral, notice: Notice) -> None:
    call = core.state.calls.get(referral.call) if referral.dialog is None else None
    nobody = call is None and referral.dialog is None
    if nobody or referral.subscription.phase is not Phase.ACTIVE:
        if notice.last:
            _step(core, referral, Word.TOLD)
        return
    if referral.notifying:
        if referral.next_notice is None or not referral.next_notice.last:
            referral.next_notice = notice
        return
    referral.notifying = True
    subscription = referral.subscription
    expires = None if notice.last else int((subscription.expires_at or core.now) - core.now)
    headers = notify_headers(subscription, expires=expires)
    cue = Cue.TERMINATED if notice.last else Cue.NOTIFIED
    subscription_step(NOTIFIER, subscription, cue)
    body, kind = render_sipfrag(notice.status, notice.reason), f"{SIPFRAG};version=2.0"
    if call is not None:
        note = referral.id
        send(
            core,
            call,
            Purpose.NOTIFY,
            "NOTIFY",
            headers=headers,
            body=body,
            content_type=kind,
            note=note,
        )
    else:
        _notify_outside(core, referral, headers, body, kind)


def _notify_outside(
    core: Core, referral: Referral, headers: list[Header], body: bytes, kind: str
) -> None:
    if referral.dialog is None:
        return
    listener = listener_named(core, referral.flow.listener)
    request = next_request(
        referral.dialog,
        "NOTIFY",
        via=via(listener, branch(core)),
        contact=contact(listener),
        headers=[("User-Agent", core.state.settings.sip.user_agent), *headers],
        body=body,
        content_type=kind,
    )
    outside = Outside(purpose=PURPOSE, owner=referral.id, request=request)
    start_outside(core, outside, [referral.flow])


def _wait_for_bye(core: Core, referral: Referral, notice: Notice) -> None:
    call = core.state.calls.get(referral.call)
    if call is None or call.ended is not None:
        _step(core, referral, Word.GONE)
    else:
        _wait(core, referral, PARTING)


def _hang_up(core: Core, referral: Referral, notice: Notice) -> None:
    call = core.state.calls.get(referral.call)
    if call is not None:
        step(core, call, states.Cue.HANG_UP, Happening(reason="transferred"))


DO: dict[Deed, Callable[[Core, Referral, Notice], None]] = {
    Deed.GRANT: _grant,
    Deed.REFUSE: _refuse,
    Deed.NOTIFY: _notify,
    Deed.NOTIFY_LAST: _notify,
    Deed.WAIT: _wait_for_bye,
    Deed.HANG_UP: _hang_up,
}


def _wait(core: Core, referral: Referral, seconds: float) -> None:
    referral.deadline = core.now + seconds
    heappush(core.state.timers, (referral.deadline, referral.id, TIMER))


def _answer_refer(
    core: Core, referral: Referral, status: int, reason: str, headers: Sequence[Header] = ()
) -> None:
    tag = referral.dialog.local_tag if referral.dialog else ""
    _answer(core, referral.key, referral.refer, status, reason, headers, tag)


def _answer(
    core: Core,
    key: str,
    request: Request,
    status: int,
    reason: str = "",
    headers: Sequence[Header] = (),
    to_tag: str = "",
) -> None:
    extra = [("Server", core.state.settings.sip.user_agent), *headers]
    tag = to_tag or core.entropy.token()
    response = respond(request, status, reason, to_tag=tag, headers=extra)
    core.take(core.state.transactions.respond(key, response, core.now))
