"""UPDATE, in the states where it matters; the rest is in ``tests/scenarios/test_update.py``."""

import pytest

from signaling.calls.states import State
from signaling.calls.update import updated
from signaling.core import Core
from signaling.effects import Send
from signaling.sip.message import Request, Response, first
from signaling.sip.parse import parse_message
from tests.harness.arena import Arena
from tests.signaling.alone import alone
from tests.signaling.carol import MEDIA, MOVED, connected


def statuses(core: Core) -> list[int]:
    sent = [parse_message(e.datagram) for e in core.effects if isinstance(e, Send)]
    return [message.status for message in sent if isinstance(message, Response)]


def receive(core: Core, request: Request, arena: Arena) -> str:
    """Let the transaction of a request begin; return its key."""
    (call,) = core.state.calls.values()
    assert call.flow is not None
    core.take(core.state.transactions.receive_request(request, call.flow, core.now))
    return next(iter(core.state.transactions.servers))


@pytest.mark.parametrize(
    ("state", "opened", "answered", "body", "status"),
    [
        (State.UP, False, True, MOVED, 200),
        (State.UP, False, True, b"", 200),
        (State.UP, True, True, MOVED, 491),
        (State.UP, True, True, b"", 200),
        (State.UP, False, True, MEDIA.replace(b"audio", b"video"), 488),
        (State.UP, False, True, b"v=0", 400),
        (State.OFFERED, False, False, MOVED, 500),
        (State.OFFERED, False, False, b"", 200),
        (State.ACCEPTED, False, True, MOVED, 200),
        (State.ACCEPTED, True, False, MOVED, 491),
        (State.LEAVING, False, True, MOVED, 481),
        (State.CLOSING, False, True, b"", 481),
    ],
)
def test_what_it_gets(
    arena: Arena, state: State, opened: bool, answered: bool, body: bytes, status: int
) -> None:
    carol = connected(arena)
    (name,) = arena.bob.state.calls
    core, call = alone(arena.bob, name)
    core.state.transactions.servers.clear()
    call.state, call.negotiation.open = state, opened
    if not answered:
        call.negotiation.local = None
    before = call.agreed
    request = carol.request("UPDATE", body=body)
    updated(core, call, receive(core, request, arena), request)
    assert statuses(core) == [status]
    assert (call.agreed != before) == (status == 200 and bool(body))
    assert first(request, "CSeq") == "2 UPDATE"
    carol.number -= 1
    arena.bob.hang_up_all()
