"""Sending digits, as applications ask for it."""

from bus.calls import SendDigits
from bus.errors import BadRequestError, NoCapacityError, WrongStateError
from signaling.calls.call import Keys, Waiting
from signaling.calls.digits import METHODS, method_for, queue, takes_events
from signaling.checks import call_up
from signaling.clients import Client
from signaling.core import Core
from signaling.sip.dtmf import DIGITS
from signaling.verbs.verb import Verbs

MOST_DIGITS = 1000
"""That may wait for their turn in one call."""

LIMITS_MS = {"duration_ms": (40, 10_000), "gap_ms": (50, 10_000)}
"""Of a digit, and of the gap behind it: what every peer hears apart (ITU-T Q.24)."""


def _send_digits(core: Core, client: Client, waiting: Waiting, command: SendDigits) -> None:
    call = call_up(core, command.call)
    digits = command.digits.upper()
    if not digits or any(digit not in DIGITS for digit in digits):
        raise BadRequestError(f"digits: {command.digits!r} must be some of 0-9 * # A-D")
    if command.method not in METHODS:
        raise BadRequestError(f"method: {command.method!r} is none of {', '.join(METHODS)}")
    for field, (least, most) in LIMITS_MS.items():
        value: int = getattr(command, field)
        if not least <= value <= most:
            raise BadRequestError(f"{field}: {value} is not from {least} to {most}")
    if command.method == "rfc4733" and not takes_events(call):
        raise WrongStateError(f"call {call.id}: the peer takes no telephone-event (RFC 4733)")
    if sum(len(keys.digits) for keys in call.keys) + len(digits) > MOST_DIGITS:
        raise NoCapacityError(f"call {call.id}: more than {MOST_DIGITS} digits would wait")
    keys = Keys(
        digits=digits,
        duration_ms=command.duration_ms,
        gap_ms=command.gap_ms,
        method=method_for(call, command.method),
    )
    queue(core, call, keys, waiting)


VERBS: Verbs = {SendDigits: _send_digits}
