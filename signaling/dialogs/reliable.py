"""Reliable provisional responses as their sender keeps them (RFC 3262 section 3).

One is under way at a time: it is sent again, at T1 and then doubling, until its PRACK comes, and
given up after 64*T1.  What is to be sent meanwhile queues behind it.  A final response ends all
that, but the PRACK of what was under way may still come and is known then.

    for response in submit(state, response, ...)     send it
    state.deadline                                  when to call ``due``: it returns a copy
    acknowledge(state, rack)                        True: the right one; then send ``following``
"""

from typing import Final

import msgspec

from signaling.sip.headers import RAck
from signaling.sip.message import Response

FIRST_END: Final = 2**31
"""The first RSeq is below this one (RFC 3262 3)."""

PATIENCE: Final = 64
"""Times T1 that a PRACK is waited for."""


class Provisionals(msgspec.Struct, kw_only=True):
    """The reliable responses to one INVITE."""

    number: int = 0
    """RSeq of the latest; 0: none yet."""
    under_way: Response | None = None
    """Without its PRACK yet."""
    queue: list[Response] = []
    interval: float = 0.0
    """Seconds from the last copy to the next."""
    deadline: float | None = None
    """When to send it again; None: never."""
    give_up_at: float = 0.0


def submit(
    state: Provisionals, response: Response, *, now: float, t1: float, fraction: float
) -> list[Response]:
    """Number a response; returns it, or nothing if it has to wait for the one before.

    ``fraction``, from 0 to below 1, decides on the first number.
    """
    if not state.number:
        state.number = 1 + int(fraction * (FIRST_END - 1))
    else:
        state.number += 1
    headers = [("Require", "100rel"), ("RSeq", str(state.number)), *response.headers]
    state.queue.append(msgspec.structs.replace(response, headers=headers))
    return [] if state.under_way is not None else following(state, now=now, t1=t1)


def following(state: Provisionals, *, now: float, t1: float) -> list[Response]:
    """Return the next of the queue, which is under way then; nothing if there is none."""
    state.under_way, state.deadline = None, None
    if not state.queue:
        return []
    state.under_way = state.queue.pop(0)
    state.interval, state.deadline = t1, now + t1
    state.give_up_at = now + PATIENCE * t1
    return [state.under_way]


def due(state: Provisionals, *, now: float) -> Response | None:
    """Return what is to be sent again; None: its PRACK never came, give up (5xx)."""
    if state.under_way is None or now >= state.give_up_at:
        state.deadline = None
        return None
    state.interval *= 2
    state.deadline = min(now + state.interval, state.give_up_at)
    return state.under_way


def acknowledges(state: Provisionals, rack: RAck, cseq: int) -> bool:
    """Whether a PRACK is for the response under way to the INVITE with this CSeq number."""
    return (
        state.under_way is not None
        and (rack.cseq.number, rack.cseq.method) == (cseq, "INVITE")
        and rack.rseq == state.number - len(state.queue)
    )


def stop(state: Provisionals) -> None:
    """Send none again and none of the queue: the INVITE has its final response."""
    state.number -= len(state.queue)
    state.queue, state.deadline = [], None


def holds_back_2xx(state: Provisionals) -> bool:
    """Whether a description was sent that nobody has acknowledged yet."""
    waiting = [state.under_way, *state.queue]
    return any(response is not None and response.body for response in waiting)
