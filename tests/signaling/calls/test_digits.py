"""The queue itself; what a peer sees of it is in tests/scenarios/test_info.py."""

import msgspec
import pytest

from bus.calls import DigitsSent, SendDigits
from bus.errors import RefusedError
from signaling.calls.digits import method_for, takes_events
from tests.harness.arena import Arena


@pytest.mark.parametrize(
    ("events", "allowed", "way"),
    [
        (101, ["INFO"], "rfc4733"),
        (101, [], "rfc4733"),
        (-1, ["INVITE", "INFO"], "info"),
        (-1, ["INVITE"], "inband"),
        (-1, [], "inband"),
    ],
)
def test_the_way_that_is_chosen(arena: Arena, events: int, allowed: list[str], way: str) -> None:
    mine, _ = arena.call()
    call = arena.alice.state.calls[mine]
    assert call.agreed is not None
    remote = msgspec.structs.replace(call.agreed.remote, events_payload_type=events)
    call.agreed = msgspec.structs.replace(call.agreed, remote=remote)
    call.allowed = allowed
    assert takes_events(call) is (events >= 0)
    assert method_for(call, "auto") == way
    assert method_for(call, "info-dtmf") == "info-dtmf"
    arena.alice.hang_up_all()


def test_a_batch_that_the_worker_does_not_take(arena: Arena) -> None:
    """The command is refused, and what waits behind it goes on."""
    mine, _ = arena.call()
    arena.alice.worker.digits_refusal = ("bad_request", "full")
    number = arena.alice.send(SendDigits(call=mine, digits="12"))
    arena.alice.send(SendDigits(call=mine, digits="3", method="info"))
    arena.network.run(until=lambda: bool(arena.alice.heard(DigitsSent)))
    assert arena.alice.heard(DigitsSent) == [DigitsSent(call=mine, refused="12")]
    with pytest.raises(RefusedError, match="full"):
        arena.alice.outcome(number)
    arena.alice.hang_up_all()
