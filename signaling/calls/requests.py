"""Our requests within the dialog of a call: sent here, challenged here, their answers dealt out.

Challenges are answered here (``credentials``); whose the final response is, ``signaling.uac`` knows
by the purpose.
"""

from collections.abc import Sequence

from signaling.calls.call import Call, Purpose, Sent
from signaling.core import Core
from signaling.credentials import CREDENTIALS, account_of, answer
from signaling.dialogs.dialog import TARGET_REFRESH, next_request
from signaling.sending import branch, contact, listener_named, send_request, via
from signaling.sip.message import Header, Request, Response

FROM_DIALOG = frozenset({"via", "route", "max-forwards", "from", "to", "call-id", "cseq"})


def send(
    core: Core,
    call: Call,
    purpose: Purpose,
    method: str,
    *,
    headers: Sequence[Header] = (),
    body: bytes = b"",
    content_type: str = "",
    note: str = "",
) -> None:
    """Send a request within the dialog; ``note`` comes back with its answer."""
    if call.dialog is None:
        return
    listener = listener_named(core, call.listener)
    request = next_request(
        call.dialog,
        method,
        via=via(listener, branch(core)),
        contact=contact(listener, secure=call.secure) if method in TARGET_REFRESH else "",
        headers=[("User-Agent", core.state.settings.sip.user_agent), *headers],
        body=body,
        content_type=content_type,
    )
    _dispatch(core, call, Sent(purpose=purpose, request=request, note=note))


def challenged(core: Core, call: Call, sent: Sent, response: Response) -> bool:
    """Send a request again with credentials, if a 401 or 407 can be answered."""
    if response.status not in (401, 407) or call.dialog is None:
        return False
    request = sent.request
    account = account_of(core, call, response)
    credentials = answer(core, response, request, account, sent.attempts)
    if not credentials:
        return False
    kept = [
        (name, value)
        for name, value in request.headers
        if name.lower() not in FROM_DIALOG | CREDENTIALS
    ]
    again = next_request(
        call.dialog,
        request.method,
        via=via(listener_named(core, call.listener), branch(core)),
        headers=[*kept, *credentials],
        body=request.body,
    )
    sent.request, sent.attempts = again, sent.attempts + 1
    _dispatch(core, call, sent)
    return True


def release(core: Core, call: Call, key: str) -> None:
    """Forget a transaction of a call that nothing can come of any more."""
    core.state.by_transaction.pop(key, None)
    if key in call.transactions:
        call.transactions.remove(key)


def pending(call: Call, purpose: Purpose) -> bool:
    """Whether a request with this purpose has no final response yet."""
    return any(sent.purpose is purpose for sent in call.sent.values())


def located(call: Call, token: str, key: str) -> None:
    """A request that waited for a look-up was sent: its answer will come under another key."""
    sent = call.sent.pop(token, None)
    if sent is not None and key:
        call.sent[key] = sent


def acknowledge(core: Core, call: Call, key: str, ack: Request) -> None:
    """Send the ACK of a re-INVITE's 2xx and keep it for the copies of that 2xx."""
    if call.dialog is None:
        return
    if call.reack_key:
        release(core, call, call.reack_key)
    call.reack_key, call.reack = key, ack
    send_request(core, call, call.dialog, ack)


def _dispatch(core: Core, call: Call, sent: Sent) -> None:
    if call.dialog is not None:
        call.sent[send_request(core, call, call.dialog, sent.request)] = sent
