"""Digits of a call, in and out: one queue, whichever way each of them goes.

What the owner asks for at one time is a batch.  The first batch is in hand: a worker sends it as
RFC 4733 events or as tones, or it goes as INFO requests one by one, each after the final response
to the one before and the time that digit and gap take.  The next batch follows then; ``DigitsSent``
is told when none is left.

An INFO that is refused with 415 is sent again with the other body, once a batch.  Any other refusal
ends its batch: ``DigitsSent`` says which digits did not get through.
"""

from bus.calls import DigitReceived, DigitsSent, Ok
from bus.streams import SendStreamDigits
from signaling.calls.call import Call, Keys, Purpose, Sent, Waiting
from signaling.calls.requests import send
from signaling.calls.responses import answer
from signaling.calls.states import State
from signaling.calls.verdicts import Happening
from signaling.core import Core
from signaling.sip.dtmf import PLAIN, RELAY, Press, parse_press, render_press
from signaling.sip.errors import ParseError
from signaling.sip.message import Request, first

BODY_OF = {"info": RELAY, "info-dtmf": PLAIN}
METHODS = ("auto", "rfc4733", "inband", *BODY_OF)

TIMER = "digit"


def method_for(call: Call, wish: str) -> str:
    """Choose how digits go: as asked for, else as the peer can take them best."""
    if wish != "auto":
        return wish
    if takes_events(call):
        return "rfc4733"
    return "info" if "INFO" in call.allowed else "inband"


def takes_events(call: Call) -> bool:
    """Whether telephone-event was negotiated (RFC 4733)."""
    return call.agreed is not None and call.agreed.remote.events_payload_type >= 0


def queue(core: Core, call: Call, keys: Keys, waiting: Waiting) -> None:
    """Put a batch behind the others; the command is answered once it is taken."""
    call.keys.append(keys)
    at_worker = len(call.keys) == 1 and keys.method not in BODY_OF
    if not at_worker:
        core.reply(waiting, Ok())
    if len(call.keys) == 1:
        _begin(core, call, waiting if at_worker else None)


def worker_sent(core: Core, call: Call) -> None:
    """The worker has sent the batch in hand."""
    if call.keys and call.keys[0].method not in BODY_OF:
        _next_batch(core, call)


def worker_refused(core: Core, call: Call) -> None:
    """The worker did not take the batch in hand; why is logged already."""
    if call.keys and call.keys[0].method not in BODY_OF:
        _give_up(core, call)


def info_answered(core: Core, call: Call, sent: Sent, key: str, happening: Happening) -> None:
    """Take the final response to an INFO of ours."""
    if not call.keys or call.state is not State.UP:
        return
    keys = call.keys[0]
    if happening.status < 300:
        keys.digits = keys.digits[1:]
        core.set_timer(call, TIMER, (keys.duration_ms + keys.gap_ms) / 1000)
    elif happening.status == 415 and not keys.other_body:
        keys.method = "info-dtmf" if keys.method == "info" else "info"
        keys.other_body = True
        _begin(core, call, None)
    else:
        why = f"{happening.status} {happening.reason}"
        core.log("error", f"{call.id}: the peer refused digit {keys.digits[0]} by INFO: {why}")
        _give_up(core, call)


def go_on(core: Core, call: Call) -> None:
    """The last digit by INFO and its gap are over."""
    if not call.keys or call.state is not State.UP:
        return
    if call.keys[0].digits:
        _begin(core, call, None)
    else:
        _next_batch(core, call)


def info_received(core: Core, call: Call, key: str, request: Request) -> None:
    """Answer an INFO from the peer, and tell the digit in it (415 was said before)."""
    if not request.body:
        answer(core, call, 200, "", key=key, request=request)
        return
    try:
        press = parse_press(first(request, "Content-Type") or "", request.body)
    except ParseError as error:
        answer(core, call, error.status, error.reason, key=key, request=request)
        return
    answer(core, call, 200, "", key=key, request=request)
    if call.ended is None:
        pressed(core, call, press.digit, press.duration_ms, "info")


def pressed(core: Core, call: Call, digit: str, duration_ms: int, method: str) -> None:
    """Tell a digit from the peer, once: a telephone may send the tone of a key along with it."""
    if method == "inband" and call.keyed:
        return
    call.keyed = call.keyed or method != "inband"
    core.tell(
        call, DigitReceived(call=call.id, digit=digit, method=method, duration_ms=duration_ms)
    )


def _begin(core: Core, call: Call, waiting: Waiting | None) -> None:
    keys = call.keys[0]
    if keys.method in BODY_OF:
        content_type = BODY_OF[keys.method]
        body = render_press(Press(keys.digits[0], keys.duration_ms), content_type)
        send(core, call, Purpose.INFO, "INFO", body=body, content_type=content_type)
        return
    core.ask_leg(
        call,
        SendStreamDigits(
            stream=call.leg.stream,
            digits=keys.digits,
            duration_ms=keys.duration_ms,
            gap_ms=keys.gap_ms,
            method=keys.method,
        ),
        waiting,
    )


def _give_up(core: Core, call: Call) -> None:
    call.keys_refused += call.keys[0].digits
    _next_batch(core, call)


def _next_batch(core: Core, call: Call) -> None:
    del call.keys[0]
    if call.keys:
        _begin(core, call, None)
        return
    refused, call.keys_refused = call.keys_refused, ""
    core.tell(call, DigitsSent(call=call.id, refused=refused))
