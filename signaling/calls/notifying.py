"""What whoever sent a REFER is told: its response, and the NOTIFYs (RFC 3515 2.4.4, RFC 6665).

One NOTIFY is out at a time, or they would overtake each other; of what happens meanwhile the latest
is told next.  They go in the dialog of the call, or in one of their own where the REFER began one.
"""

from collections.abc import Sequence
from typing import Final

from signaling.calls.call import Call, Purpose
from signaling.calls.referral import Notice, Referral
from signaling.calls.requests import send
from signaling.core import Core
from signaling.dialogs.dialog import Dialog, next_request
from signaling.dialogs.subscription import NOTIFIER, Cue, Phase, notify_headers, step
from signaling.sending import branch, contact, listener_named, our_contact, start_outside, via
from signaling.sip.message import Header, Request
from signaling.sip.referring import SIPFRAG, render_sipfrag
from signaling.sip.render import respond
from signaling.state import Outside

PURPOSE: Final = "notify"
CONTENT_TYPE: Final = f"{SIPFRAG};version=2.0"


def answer_refer(
    core: Core,
    key: str,
    request: Request,
    status: int,
    reason: str = "",
    headers: Sequence[Header] = (),
    to_tag: str = "",
) -> None:
    """Send a response to a REFER; ``to_tag`` where it begins a dialog."""
    extra = [("Server", core.state.settings.sip.user_agent), *headers]
    tag = to_tag or core.entropy.token()
    response = respond(request, status, reason, to_tag=tag, headers=extra)
    core.take(core.state.transactions.respond(key, response, core.now))


def grant(core: Core, referral: Referral) -> None:
    """Accept a REFER; from now on there is a subscription, if one is wanted."""
    headers: list[Header] = [("Contact", _our_contact(core, referral))]
    if referral.silent:
        headers.append(("Refer-Sub", "false"))
    _answer(core, referral, 202, "", headers)
    step(NOTIFIER, referral.subscription, Cue.SILENCED if referral.silent else Cue.GRANTED)


def _our_contact(core: Core, referral: Referral) -> str:
    call = core.state.calls.get(referral.call)
    if call is not None and referral.dialog is None:
        return our_contact(core, call)
    return contact(listener_named(core, referral.flow.listener))


def refuse(core: Core, referral: Referral, notice: Notice) -> None:
    """Refuse a REFER."""
    _answer(core, referral, notice.status, notice.reason)


def notify(core: Core, referral: Referral, notice: Notice) -> bool:
    """Tell, now or as soon as the last NOTIFY is answered; False if nobody wants to know."""
    if referral.subscription.phase is not Phase.ACTIVE:
        return False
    if not referral.notifying:
        return _send(core, referral, notice)
    if referral.next_notice is None or not referral.next_notice.last:
        referral.next_notice = notice
    return True


def notified(core: Core, referral: Referral, status: int) -> bool:
    """Take the final response to a NOTIFY and send what waits; False if that is nothing.

    A refusal ends the subscription (RFC 6665 4.2.2).
    """
    referral.notifying = False
    if 400 <= status < 500:
        step(NOTIFIER, referral.subscription, Cue.UNKNOWN)
    notice, referral.next_notice = referral.next_notice, None
    return notice is not None and notify(core, referral, notice)


def _send(core: Core, referral: Referral, notice: Notice) -> bool:
    subscription = referral.subscription
    expires = None if notice.last else int((subscription.expires_at or core.now) - core.now)
    headers = notify_headers(subscription, expires=expires)
    body = render_sipfrag(notice.status, notice.reason)
    call = core.state.calls.get(referral.call)
    if referral.dialog is not None:
        _send_outside(core, referral, referral.dialog, headers, body)
    elif call is not None:
        _send_inside(core, call, referral.id, headers, body)
    else:
        return False
    step(NOTIFIER, subscription, Cue.TERMINATED if notice.last else Cue.NOTIFIED)
    referral.notifying = True
    return True


def _send_inside(core: Core, call: Call, name: str, headers: list[Header], body: bytes) -> None:
    kind = CONTENT_TYPE
    purpose = Purpose.NOTIFY
    send(core, call, purpose, "NOTIFY", headers=headers, body=body, content_type=kind, note=name)


def _send_outside(
    core: Core, referral: Referral, dialog: Dialog, headers: list[Header], body: bytes
) -> None:
    listener = listener_named(core, referral.flow.listener)
    request = next_request(
        dialog,
        "NOTIFY",
        via=via(listener, branch(core)),
        contact=contact(listener),
        headers=[("User-Agent", core.state.settings.sip.user_agent), *headers],
        body=body,
        content_type=CONTENT_TYPE,
    )
    outside = Outside(purpose=PURPOSE, owner=referral.id, request=request)
    start_outside(core, outside, [referral.flow])


def _answer(
    core: Core, referral: Referral, status: int, reason: str, headers: Sequence[Header] = ()
) -> None:
    tag = referral.dialog.local_tag if referral.dialog else ""
    answer_refer(core, referral.key, referral.refer, status, reason, headers, tag)
